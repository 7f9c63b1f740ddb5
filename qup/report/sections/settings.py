"""How the page was made: the settings of the study as YAML, what the Oracle cost, and what `track` knows beside."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

from qup import settings
from qup.report.sections.budgets import Budget
from qup.report.view import Section
from qup.study import Study

TITLE = "How this page was made"
WIDTH = 110
"Characters of a line of YAML."
UNSTAMPED = "Commit, versions and the command that runs it again are added where `track` puts the page under results/."
"Stands where the stage `report` left the page, whose bytes are those of its measurements alone."


@dataclass(frozen=True)
class Settings:
    """What was set, and what of it had to be paid for."""

    yaml: str
    "The whole study, defaults written out; nothing that is not to be published."
    calls: int
    "To Oracles, for the streams of all arms."
    tokens: int
    "That they wrote."


def numbers(study: Study, budgets: Iterable[Budget]) -> Settings:
    """Of a study and of the streams of all its arms."""
    streams = [budget.stream for budget in budgets]
    return Settings(_yaml(study), sum(each.attempts for each in streams), sum(each.oracle_tokens for each in streams))


def _yaml(study: Study) -> str:
    from ruamel.yaml import YAML

    text, writer = io.StringIO(), YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.width = WIDTH
    writer.dump(settings.plain(study), text)
    return text.getvalue()


def show(made: Settings) -> Section:
    """Folded, with the settings to copy."""
    cost = f"Oracles were asked {made.calls:,} times for the streams of all arms and wrote {made.tokens:,} tokens."
    return Section(TITLE, [UNSTAMPED, cost, "The study's settings, defaults written out:"], code=made.yaml)
