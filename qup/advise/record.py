"""What the published studies say of such advice: `record.json`, written by `make foresight`, read here and quoted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from qup.report.foresight import Rate, Rule

FILE = Path(__file__).with_name("record.json")
ALL = "all"


@dataclass(frozen=True)
class Record:
    """How often the rule was right in the published studies."""

    rule: Rule | None
    "Over all objectives and decodings."
    views: Mapping[str, Rule]
    "Objective and decoding, as `sft.sampled`, to the same of these alone."
    studies: Sequence[Mapping[str, Any]]
    "Those that add pairs: name, commit, learner, pairs and resolved ones."

    @property
    def learners(self) -> list[str]:
        """The learners that were trained in them, each once."""
        return list(dict.fromkeys(str(each["learner"]) for each in self.studies))


@cache
def published() -> Record:
    """The record that came with this version."""
    return read(json.loads(FILE.read_text(encoding="utf-8")))


def read(given: Mapping[str, Any]) -> Record:
    """A record as the file has it."""
    rules = {view: _rule(rule) for view, rule in given["rules"].items() if rule is not None}
    studies = [each for each in given["studies"] if each["absent"] is None]
    return Record(rules.pop(ALL, None), rules, studies)


def _rule(given: Mapping[str, Any]) -> Rule:
    made: dict[str, Any] = {key: Rate(**each) if isinstance(each, Mapping) else each for key, each in given.items()}
    return Rule(**made)
