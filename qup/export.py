"""Take it with you: a stream as chat `messages` with a card, and the card of a trained learner.

The folder loads as a data set by itself (`datasets.load_dataset(folder)`), and trainers read `messages`.
A card says what the traces or weights are, how they were made and measured, and under whose licences they stand.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from qup import provenance, records, settings, study, whole
from qup.arms import Arm
from qup.errors import SettingsError, unknown
from qup.measured import Measured, files, hashed
from qup.prompts.learner import ask
from qup.records import LEARNER, Problem, Refined
from qup.study import Study

ROWS = Path("data", "train.jsonl")
CARD = "README.md"
OPTIONAL = ("slot", "origin", "mask")
"Fields of a trace that are exported, of all traces, where one of them has any."
MISSING = "there is no report of these very traces here"


@dataclass(frozen=True)
class Exported:
    """An arm of a study at its place in a repository."""

    root: Path
    study_name: str
    arm_name: str

    @cached_property
    def study(self) -> Study:
        """The study."""
        return study.read(self.root / "studies" / f"{self.study_name}.yaml")

    @cached_property
    def arm(self) -> Arm:
        """The arm.

        Raises:
            SettingsError: the study has none of that name.
        """
        refiner = self.arm_name.partition("/")[2]
        arms = {**self.study.main_arms(self.study.oracles), **self.study.further}
        if self.arm_name not in arms and self.arm_name in self.study.places:
            arms[self.arm_name] = self.study.main_arm(self.arm_name.partition("/")[0], refiner)
        if self.arm_name not in arms:
            raise unknown("arm", self.arm_name, arms)
        return arms[self.arm_name]

    @cached_property
    def stream(self) -> list[tuple[Problem, Refined]]:
        """The traces that are trained on, each with its problem.

        Raises:
            SettingsError: it has not been made, or not been pulled.
        """
        kept = self.root / "data" / self.study_name
        place = kept / ("arms" if self.arm.main else "further") / self.arm.name / "stream.jsonl"
        if not place.is_file():
            raise SettingsError(f"{place} is not there: run `qup run {self.study_name}`, or `dvc pull {place}`")
        by_id = {problem.id: problem for problem in records.read(kept / "problems" / "train.jsonl", Problem)}
        stream = records.read(place, Refined)
        return [(by_id[each.problem_id], each) for each in stream if each.text is not None]

    @cached_property
    def measured(self) -> Mapping[str, Any]:
        """The arm in the study's report; nothing where there is no report, or it is of other traces."""
        top = self.root / "results" / self.study_name
        if not (top / "report" / "report.json").is_file():
            return {}
        report = json.loads((top / "report" / "report.json").read_text(encoding="utf-8"))
        own: Mapping[str, Any] = {**report["arms"], **report["control_arms"]}.get(self.arm.name, {})
        return own if own and self._is_of(files.read(top / "arms" / self._file)) else {}

    @property
    def _file(self) -> str:
        return f"{self.arm.name}.json" if self.arm.main else "further.json"

    def _is_of(self, measured: Sequence[Measured]) -> bool:
        """Whether the arm among those in a file was measured on these very traces."""
        kept: dict[str, list[Refined]] = {}
        for problem, refined in self.stream:
            kept.setdefault(problem.id, []).append(refined)
        there = {problem: hashed(own) for problem, own in kept.items()}
        for arm in measured:
            if arm.name == self.arm.name:
                pairs = zip(arm.problems, arm.traces, strict=True)
                return there == {problem: trace for problem, trace in pairs if trace is not None}
        return False

    @property
    def made_by(self) -> list[str]:
        """How the traces were made, a line each."""
        commit, clean = provenance.commit(self.root, "qup", "stages", f"studies/{self.study_name}.yaml")
        oracle = self.study.oracles.get(self.arm.oracle)
        setting = "none is asked" if oracle is None or self.arm.oracle == LEARNER else type(oracle).__module__
        at = "no commit is known" if commit is None else f"commit {commit}{'' if clean else ', with changes'}"
        return [
            f"study `{self.study_name}` ({self.study.title}), arm `{self.arm.name}`",
            f"{self._refiner}; Oracle `{self.arm.oracle}` ({setting.rpartition('.')[2]})",
            *self._masked,
            f"the export: {at}",
        ]

    @property
    def _refiner(self) -> str:
        """What made the traces, as it was set; of a mixture the arms that it takes them from."""
        if self.arm.shares:
            shares = ", ".join(f"{share:g} of the problems from `{name}`" for name, share in self.arm.shares.items())
            return f"`{self.arm.refiner}`: {shares}"
        refiner: Any = self.study.refiner_of(self.arm)
        own = settings.plain({f.name: getattr(refiner, f.name) for f in dataclasses.fields(refiner)})
        return f"refiner `{self.arm.refiner}`{f' set to `{json.dumps(own)}`' if own else ''}"

    @property
    def _masked(self) -> list[str]:
        """How much of the traces the loss leaves out; nothing where it takes all of them."""
        masks = [each.mask for _, each in self.stream if each.mask is not None]
        left_out, tokens = sum(len(mask.left_out) for mask in masks), sum(mask.tokens for mask in masks)
        said = f"{left_out} tokens of {tokens} are not trained on: `mask.left_out` has their places in a trace, from 0"
        return [f"{said}, as the learner encodes it, and a trainer must leave them out of its loss"] if masks else []

    @property
    def licences(self) -> list[str]:
        """What is known of the models that wrote the traces, as their folders say."""
        folder = self.root / "models" / self.study_name / "base"
        texts = {path.parent.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*/ORIGIN.md"))}
        said = {name: [line[2:] for line in text.splitlines() if line.startswith("- ")] for name, text in texts.items()}
        sources = sorted({problem.source for problem, _ in self.stream})
        lines = [f"model `{name}`: {'; '.join(facts)}" for name, facts in said.items()]
        return [*lines, f"problems of: {', '.join(sources)}; each stands under the licence of its source"]


def export(asked: Exported, out: Path) -> int:
    """Write the stream and its card into a new folder; how many traces it holds.

    Raises:
        SettingsError: no such arm, no stream, or something is in the folder already.
    """
    optional = [name for name in OPTIONAL if any(getattr(refined, name) for _, refined in asked.stream)]
    rows = [_row(asked, problem, refined, optional) for problem, refined in asked.stream]
    if not rows:
        raise SettingsError(f"{asked.arm.name} has no trace to train on: there is nothing to export")
    if out.exists() and any(out.iterdir()):
        raise SettingsError(f"{out} holds something already: name a new folder")
    (out / ROWS).parent.mkdir(parents=True, exist_ok=True)
    whole.write(out / ROWS, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    whole.write(out / CARD, stream_card(asked))
    return len(rows)


def _row(asked: Exported, problem: Problem, refined: Refined, optional: Sequence[str]) -> dict[str, Any]:
    chat = [*ask(asked.study.prompt, problem.question), {"role": "assistant", "content": refined.text}]
    facts = {"problem": problem.id, "answer": problem.answer, "source": problem.source}
    own = dataclasses.asdict(refined)
    return {"messages": chat, **facts, **{name: own[name] for name in ("replicate", "outcome", *optional)}}


def stream_card(asked: Exported) -> str:
    """The data set's card."""
    from huggingface_hub import DatasetCardData

    head = DatasetCardData(
        license="other", tags=["qup"], configs=[{"config_name": "default", "data_files": ROWS.as_posix()}]
    )
    outcomes, strata = (Counter(getattr(each, of) for _, each in asked.stream) for of in ("outcome", "stratum"))
    parts = {
        "How it was made": asked.made_by,
        "What it holds": [
            f"{len(asked.stream)} traces, one `messages` each; `replicate` says which run trained on it",
            f"drafts by what became of them: {_counted(outcomes)}; problems: {_counted(strata)}",
        ],
        "How it was measured": _measured(asked.measured),
        "Licences": asked.licences,
    }
    return _page(head.to_yaml(), f"{asked.arm.label}: training traces of {asked.study.title}", parts)


def model_card(asked: Exported, objective: str) -> str:
    """The card of the learners that were trained on the arm.

    Raises:
        SettingsError: no such arm, or it is not trained under that objective.
    """
    from huggingface_hub import ModelCardData

    objectives = asked.arm.training.objective_names
    if objective not in objectives:
        raise unknown("objective", objective, objectives)
    head = ModelCardData(license="other", tags=["qup", objective], library_name="transformers")
    training = asked.arm.training.under(objective)[0]
    parts = {
        "How it was made": [
            *asked.made_by,
            f"{objective}, method {training.method}, learning rate {training.learning_rate:g}, batch {training.batch}",
        ],
        "How good it is": _learner(asked.measured, objective),
        "What it was trained on": _measured(asked.measured),
        "Licences": asked.licences,
    }
    return _page(head.to_yaml(), f"The learner of {asked.study.title}, trained on {asked.arm.label}", parts)


def _measured(arm: Mapping[str, Any]) -> list[str]:
    """Rewards and perplexity of the traces."""
    if not arm:
        return [MISSING]
    rewards = [f"reward `{name}`: {_number(each)}" for name, each in arm["rewards"].items()]
    return [*rewards, f"perplexity of the untrained learner, over all tokens: {_number(arm['ppl']['micro'])}"]


def _learner(arm: Mapping[str, Any], objective: str) -> list[str]:
    learner = arm.get("learners", {}).get(objective)
    if not learner:
        return [MISSING]
    return [
        f"accuracy of sampled answers: {_number(learner['accuracy'])}; greedy: {_number(learner['greedy'])}",
        f"gain over the untrained learner: {_number(learner['utility'])}",
        "over all replicates; one replicate's weights are one draw of them",
    ]


def _number(number: Mapping[str, Any]) -> str:
    """A number of the report with its 95% interval and what it is over."""
    if number.get("value") is None:
        return str(number.get("reason", MISSING))
    ends = (number["low"], number["high"])
    interval = "no interval" if None in ends else f"[{ends[0]:.3f}, {ends[1]:.3f}]"
    return f"{number['value']:.3f} {interval}, n = {number['n']}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _page(head: str, title: str, parts: Mapping[str, Sequence[str]]) -> str:
    lines = ["---", head.strip(), "---", "", f"# {title}", ""]
    for name, bullets in parts.items():
        lines += [f"## {name}", "", *(f"- {each}" for each in bullets), ""]
    return "\n".join(lines)
