"""The main tables, per Oracle: its streams' quality, perplexity and utility, and how their learners answer."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from qup import settings
from qup.compat.quarter import QUARTERS
from qup.measured import Stream
from qup.records import LEARNER
from qup.report import view
from qup.report.evidence import Evidence
from qup.report.exams import Answered, Learner
from qup.report.numbers import INLINE, Missing, Number
from qup.report.sections.study import Declared, Settings
from qup.report.traces import MACRO, MEDIAN, MICRO, PANEL
from qup.report.view import DASH, Cell, Section, Table, number, percent, signed


@dataclass(frozen=True)
class Reward:
    """Q of a stream by one reward."""

    mean: Number = field(metadata=INLINE)
    failed: int
    "Traces without a value."
    failures: dict[str, int]
    "Why, and how many."


@dataclass(frozen=True)
class Row:
    """One arm."""

    label: str
    refiner: str
    oracle: str | None
    "None where none is asked."
    stream: Stream
    rewards: dict[str, Reward]
    ppl: dict[str, Number]
    "`micro`, `macro`, `median` and quarters `1` to `4`."
    learners: dict[str, Learner]
    "By objective, on the main task."


@dataclass(frozen=True)
class Group:
    """The arms of one Oracle, and those that ask none."""

    arms: list[str]
    dials: Settings
    "The Oracle's settings."


@dataclass(frozen=True)
class Tables:
    """All main arms."""

    rewards: list[str]
    "In the order of columns."
    primary: str | None
    "The reward that verdicts go by."
    base: Answered
    rows: dict[str, Row]
    groups: dict[str, Group]
    "By Oracle."


def numbers(evidence: Evidence) -> Tables:
    """The main tables' numbers."""
    rewards = evidence.traces.reward_names
    dials = {oracle: settings.declared(evidence.study.oracles[oracle]) for oracle in evidence.oracles}
    return Tables(
        rewards=rewards,
        primary=evidence.traces.primary,
        base=evidence.held.base_answered(),
        rows={arm: row(evidence, arm, rewards) for arm in evidence.arms},
        groups={oracle: Group(evidence.group(oracle), dials[oracle]) for oracle in evidence.oracles},
    )


def row(evidence: Evidence, arm: str, rewards: Iterable[str]) -> Row:
    """One arm's numbers."""
    measured, ppl = evidence.arms[arm], evidence.traces.perplexity
    kinds, unscored = (MICRO, MACRO, MEDIAN, *map(str, QUARTERS)), Missing("no forward pass")
    return Row(
        label=measured.label,
        refiner=measured.refiner,
        oracle=None if measured.oracle == LEARNER else measured.oracle,
        stream=measured.stream,
        rewards={reward: _reward(evidence, arm, reward) for reward in rewards},
        ppl={kind: ppl.get((arm, kind), unscored) for kind in kinds},
        learners={objective: evidence.held.learner(arm, objective) for objective in evidence.objectives},
    )


def _reward(evidence: Evidence, arm: str, reward: str) -> Reward:
    reason = "no trace has every reward" if reward == PANEL else "no trace has a value"
    failures = evidence.arms[arm].failures.get(reward, {})
    mean = evidence.number(evidence.traces.rewards.get((arm, reward)), reason)
    return Reward(mean, sum(failures.values()), failures)


def show(tables: Tables, oracle: str, declared: Declared) -> Section:
    """One Oracle."""
    group = tables.groups[oracle]
    rows = [tables.rows[arm] for arm in group.arms]
    text = f"Dials as declared: {view.settings(group.dials)}."
    shown = [_main(tables, rows, declared), _answers(tables.base, rows, declared)]
    return Section(f"Oracle {oracle}", [text], tables=shown)


def _main(tables: Tables, rows: Iterable[Row], declared: Declared) -> Table:
    objectives, rewards = declared.objectives, tables.rewards
    nothing = [Cell(DASH, "no stream")] * (4 + len(rewards))
    base = [Cell("base"), *nothing, *[Cell(DASH, "the reference")] * len(objectives)]
    groups = [("", 2), ("perceived quality Q", len(rewards)), ("PPL", 3), ("utility U, points", len(objectives))]
    columns = ["arm", "traces", *rewards, MICRO, MACRO, MEDIAN, *(objective.upper() for objective in objectives)]
    cells = [[*before_training(shown, MICRO, MACRO, MEDIAN), *utilities(shown)] for shown in rows]
    return Table(columns, [base, *cells], groups)


def before_training(shown: Row, *kinds: str) -> list[Cell]:
    """An arm's name, traces, rewards and perplexities of these kinds."""
    stream = shown.stream
    of = f"of {stream.drafts} drafts" if stream.drafts else f"of {stream.problems}"
    head = [Cell(shown.label), Cell(str(stream.traces), of)]
    rewards = [number(reward.mean, failed=reward.failed) for reward in shown.rewards.values()]
    return [*head, *rewards, *(number(shown.ppl[kind]) for kind in kinds)]


def utilities(shown: Row) -> list[Cell]:
    """An arm's utility under each objective."""
    return [signed(learner.utility) for learner in shown.learners.values()]


def _answers(base: Answered, rows: Iterable[Row], declared: Declared) -> Table:
    """The greedy column stands where greedy answers are asked for, maj@k and pass@k where several are drawn."""
    several = [f"maj@{declared.k}", f"pass@{declared.k}"] * (declared.k > 1)
    titles = [f"Avg@{declared.k}", *["greedy"] * declared.greedy, *several, "truncated", "unparsed"]
    table = [[Cell("base"), *_shares(base, declared) * len(declared.objectives)]]
    for shown in rows:
        learners = shown.learners.values()
        shares = [cell for learner in learners for cell in _shares(learner.answered, declared)]
        table.append([Cell(shown.label), *shares])
    columns = ["arm", *titles * len(declared.objectives)]
    groups = [
        ("", 1),
        *((f"{objective.upper()} learner, % of answers", len(titles)) for objective in declared.objectives),
    ]
    return Table(columns, table, groups, caption="How the learners answer held-out problems.")


def _shares(answered: Answered, declared: Declared) -> list[Cell]:
    several = [answered.majority, answered.passed] * (declared.k > 1)
    shares = [answered.accuracy, *[answered.greedy] * declared.greedy, *several, answered.truncated, answered.unparsed]
    return [percent(share) for share in shares]
