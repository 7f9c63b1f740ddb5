"""The outline of the page: which sections there are, in what order, and which plots stand in them.

A section of its own file is added here in one line, one with markup and a script of its own too (`Section.html`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from qup.records import GREEDY, SAMPLED
from qup.report.contents import Numbers
from qup.report.sections import (
    adaptation,
    budgets,
    cautions,
    choice,
    compat,
    contrasts,
    controls,
    dial,
    dose,
    explorer,
    foresight,
    harness,
    logic_and_style,
    matching,
    mechanism,
    methods,
    oracle,
    paper,
    paradox,
    phase,
    predictors,
    premises,
    problems,
    quality,
    question,
    sets,
    settings,
    study,
    verdict,
    ways,
)
from qup.report.view import Section

PICTURE = "quality-utility"
"The plot of the first screen: where quality and utility part."
PANELS = 2
"Of its panels there."


@dataclass(frozen=True)
class Part:
    """Some sections under one name in the list of contents."""

    title: str
    sections: list[Section]


@dataclass(frozen=True)
class Contents:
    """The page: its first screen, which a reader needs nothing else for, and what it rests on."""

    first: list[Section]
    parts: list[Part]

    @property
    def sections(self) -> list[Section]:
        """All, in order."""
        return [*self.first, *(section for part in self.parts for section in part.sections)]


def show(numbers: Numbers, plots: Sequence[str]) -> Contents:
    """What to train on, its picture and why; then grounds, mechanism, reach, tables, and what to look up.

    `plots` are those there are, and panels of them, by the names that `Section.plots` has.
    """
    parts = {
        "What the verdicts rest on": _grounds(numbers, plots),
        "The mechanism": _mechanism(numbers, plots),
        "How far it carries": _reach(numbers, plots),
        "All comparisons": _comparisons(numbers),
        "Checks": _checks(numbers),
        "To look up": _reference(numbers, plots),
    }
    there = {title: _there(sections) for title, sections in parts.items()}
    first, shown = _first(numbers, plots), [Part(title, own) for title, own in there.items() if own]
    return Contents(first, [*shown, *_left(Contents(first, shown), plots)])


def _left(contents: Contents, plots: Sequence[str]) -> list[Part]:
    """The plots that stand in no section, lest one that is drawn be nowhere."""
    used = {plot_of(name) for section in contents.sections for name in section.plots}
    left = [name for name in plots if name == plot_of(name) and name not in used]
    return [Part("More", [Section("More plots", plots=left)])] if left else []


def plot_of(name: str) -> str:
    """The plot that a name is of, or of a panel of."""
    return name.partition(": ")[0]


def _first(numbers: Numbers, plots: Sequence[str]) -> list[Section]:
    pictures = _pictures(numbers, plots)
    return _there(
        [
            question.show(numbers.question),
            choice.show(numbers.choices),
            verdict.show(numbers.verdicts),
            Section("Quality against utility", plots=pictures) if pictures else None,
            mechanism.show(numbers.mechanism),
        ]
    )


def _pictures(numbers: Numbers, plots: Sequence[str]) -> list[str]:
    """The panels of the first objectives' sampled answers, of one objective both decodings; else the whole plot."""
    shown = [(objective, SAMPLED) for objective in numbers.study.objectives]
    shown += [(objective, GREEDY) for objective in numbers.study.objectives]
    panels = [f"{PICTURE}: {objective.upper()}, {decoding}" for objective, decoding in shown]
    return [name for name in panels if name in plots][:PANELS] or [name for name in plots if name == PICTURE]


def _grounds(numbers: Numbers, plots: Sequence[str]) -> list[Section | None]:
    seen = _pictures(numbers, plots)
    others = [name for name in plots if name.startswith(f"{PICTURE}: ") and name not in seen]
    grounds = verdict.show_grounds(numbers.verdicts, *cautions.show(numbers.cautions))
    rows = numbers.main.rows | numbers.further.rows
    return [
        replace(grounds, plots=others if PICTURE not in seen else []),
        ways.show(numbers.ways, rows, numbers.tables.primary),
    ]


def _mechanism(numbers: Numbers, plots: Sequence[str]) -> list[Section | None]:
    declared, labels = numbers.study, numbers.labels
    main_costs = {arm: cost for arm, cost in numbers.adaptation.items() if arm in numbers.main.rows}
    surprise = [name for name in ("ppl-quarters", "drift-split") if name in plots]
    return [
        _drawn(logic_and_style.show(numbers.logic, labels, declared), plots, "two-by-two"),
        Section("Where the surprise comes from", plots=surprise) if surprise else None,
        _drawn(adaptation.show(main_costs, labels), plots, "training-curves", "adaptation"),
        explorer.show(numbers.explorer),
    ]


def _reach(numbers: Numbers, plots: Sequence[str]) -> list[Section | None]:
    declared = numbers.study
    return [
        _drawn(phase.show(numbers.maps, declared), plots, "maps"),
        dial.show(numbers.dial, plots),
        _drawn(dose.show(numbers.dose), plots, "dose-response", title="Response to the dose"),
        matching.show(numbers.matching),
        _open(foresight.show(numbers.foresight)),
        paper.show(numbers.paper, numbers.labels, declared),
    ]


def _comparisons(numbers: Numbers) -> list[Section | None]:
    declared, labels = numbers.study, numbers.labels
    return [
        *(oracle.show(numbers.tables, name, declared) for name in numbers.tables.groups),
        contrasts.show(numbers.contrasts, declared),
        paradox.show(numbers.paradox),
        *quality.show(numbers.quality, labels),
        sets.show(numbers.main.sets, labels, declared),
        harness.show(numbers.harness),
    ]


def _checks(numbers: Numbers) -> list[Section | None]:
    costs = {arm: each.cost for arm, each in numbers.adaptation.items()}
    return [
        premises.show(numbers.premises),
        controls.show(numbers.controls, numbers.further.rows, costs, numbers.study, ways.beside(numbers.ways)),
    ]


def _reference(numbers: Numbers, plots: Sequence[str]) -> list[Section | None]:
    labels = numbers.labels
    pretrained = [name for name in plots if name == "pretraining"]
    return [
        compat.show(numbers.main.compat, labels),
        predictors.show(numbers.predictors),
        budgets.show(numbers.main.budgets, labels),
        budgets.show_further(numbers.further.budgets, labels),
        problems.show(numbers.problems),
        Section("Pretraining of the learner", plots=pretrained, folded=True) if pretrained else None,
        replace(study.show(numbers.study), folded=True),
        replace(settings.show(numbers.settings), folded=True),
        replace(methods.show(numbers.methods), folded=True),
    ]


def _drawn(section: Section | None, plots: Sequence[str], *names: str, title: str = "") -> Section | None:
    """A section with those of its plots that there are; one of plots alone where it has nothing to say."""
    there = [name for name in names if name in plots]
    if section is None:
        return Section(title, plots=there) if title and there else None
    return replace(section, plots=[*section.plots, *there])


def _open(section: Section | None) -> Section | None:
    return None if section is None else replace(section, folded=False)


def _there(sections: Iterable[Section | None]) -> list[Section]:
    return [section for section in sections if section is not None]
