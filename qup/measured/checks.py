"""Whether what is measured is whole: the problems that were counted, and in every arm the answers that were asked for.

Measured arms are small files that Git keeps and people edit or merge; what an arm lacks would only move a number.
"""

import json
import operator
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qup.arms import Arm
from qup.errors import SettingsError
from qup.measured import Base, Measured
from qup.measured.answers import Answers
from qup.records import BASE, Problem

Fault = str | None


@dataclass(frozen=True)
class Requirements:
    """What a study asks of every arm."""

    repeats: Mapping[str, Mapping[str, int]]
    "Task whose answers are graded to decoding to answers a problem."
    main: str
    "The one task of the arms beside the main ones."
    rewards: Collection[str]
    "That every trace has."


def counts(path: Path, train: Sequence[Problem], tasks: Mapping[str, Sequence[Problem]]) -> dict[str, Any]:
    """The prepare stage's checks, whose counts the problems to train on and those of each task must have.

    Raises:
        SettingsError: it is no such file, or there are more or fewer problems.
    """
    try:
        checks: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        wanted = {f"train.jsonl, set {name!r}": found["count"] for name, found in checks["training"].items()}
        wanted |= {f"evaluation/{task}.jsonl": checks["evaluation"][task]["count"] for task in tasks}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(f"{path} is not what `prepare` writes ({error!r}): run `dvc repro`") from error
    sizes = Counter(f"train.jsonl, set {problem.training_set!r}" for problem in train)
    sizes |= Counter({f"evaluation/{task}.jsonl": len(own) for task, own in tasks.items()})
    for name in wanted | sizes:
        if sizes[name] != wanted.get(name, 0):
            found = f"{path.parent / name} holds {sizes[name]} problems, {path.name} counts {wanted.get(name, 0)}"
            raise SettingsError(f"{found}: damaged, or of another run: `qup check --data` tells which, and what to do")
    return checks


def check(
    folder: Path, base: Base, arms: Mapping[str, Measured], declared: Mapping[str, Arm], asked: Requirements
) -> None:
    """Refuse measured arms of which one lacks something, has too much, or is about other problems than its like.

    `arms` are by the name of the arm that their file is to be of.

    Raises:
        SettingsError: the message names the arm and what is wrong with it.
    """
    answers = {(each.task, each.decoding): each for each in base.answers}
    _refuse(folder, "base", _base_faults(base, asked))
    if arms.keys() != declared.keys():
        _refuse(folder, "all files", [f"of arms {', '.join(arms) or 'none'}, where {', '.join(declared)} are due"])
    alike: dict[tuple[str, str], Measured] = {}
    for name, arm in arms.items():
        own = declared[name]
        tasks = list(asked.repeats) if own.main else [asked.main]
        named = (arm.name, arm.oracle, arm.refiner)
        _refuse(folder, name, [_unless(named == (name, own.oracle, own.refiner), f"it is of {named}")])
        first = alike.setdefault((own.training_set, own.scope), arm)
        _refuse(folder, name, _stream_faults(arm, first, asked.rewards))
        _refuse(folder, name, _run_faults(arm, own.training.objective_names))
        _refuse(folder, name, _answer_faults(arm.answers, arm.replicates, own.training.objective_names, tasks, asked))
        _refuse(folder, name, (_other_problems(each, answers) for each in arm.answers))
        _refuse(folder, name, _score_faults(arm, base, own.training.objective_names, None if own.main else asked.main))


def _refuse(folder: Path, name: str, faults: Iterable[Fault]) -> None:
    """One line for the first fault of an arm, if it has any."""
    fault = next(filter(None, faults), None)
    if fault:
        raise SettingsError(f"{folder}: {name}: {fault}: damaged, or of another run: git checkout it, or `dvc repro`")


def _base_faults(base: Base, asked: Requirements) -> Iterator[Fault]:
    yield from _answer_faults(base.answers, [0], [BASE], list(asked.repeats), asked)
    counts = base.checks.get("evaluation", {})
    for each in base.answers:
        wanted = counts.get(each.task, {}).get("count", len(each.problems))
        yield _unless(len(each.problems) == wanted, f"{each.task} has {len(each.problems)} of {wanted} problems")
    for judged in base.judged:
        sizes = {len(judged.problems), len(judged.right), len(judged.values)}
        whole = len(sizes) == 1 and set(judged.right) <= {0, 1}
        yield _unless(whole, f"the samples of reward {judged.reward!r} do not match")
    tried = {judged.reward: set(judged.problems) for judged in base.judged}
    for moved in base.restyled:
        whole = len({len(moved.problems), len(moved.before), len(moved.after)}) == 1
        known = set(moved.problems) <= tried.get(moved.reward, set())
        yield _unless(whole and known, f"the restyles of reward {moved.reward!r} do not match its samples")


def _stream_faults(arm: Measured, first: Measured, rewards: Collection[str]) -> Iterator[Fault]:
    """`first` is the first arm of the same training set and scope: it covers the very same problems."""
    columns = {"tokens": arm.tokens, "nll": arm.nll, **arm.rewards, **arm.metrics}
    sizes = {"replicates": len(arm.replicates), "traces": len(arm.traces)}
    sizes |= {name: len(values) for name, values in columns.items()}
    yield _unless(_in_order(arm.problems), "its problems are not each there once, in order")
    for name, size in sizes.items():
        yield _unless(size == len(arm.problems), f"{name} has {size} values of {len(arm.problems)} problems")
    same = (arm.problems, arm.replicates) == (first.problems, first.replicates)
    yield _unless(same, f"it covers other problems than {first.name}")
    there = np.array([trace is not None for trace in arm.traces], dtype=bool)
    counted, own = arm.stream, arm.trace_counts or [int(each) for each in there]
    drafts, traces = counted.drafts or len(there), sum(own)
    totals = (counted.problems, sum(counted.outcomes.values()), counted.traces, sum(counted.strata.values()))
    yield _unless(totals == (len(there), drafts, traces, traces), "its stream counts other traces than it has")
    origins = sum(counted.origins.values()) in (traces, 0)
    yield _unless(origins and [each > 0 for each in own] == there.tolist(), "its traces and their counts do not match")
    for name, values in columns.items():
        yield _unless(not np.isfinite(values[~there]).any(), f"{name} has a value where there is no trace")
    for name in ("tokens", "nll"):
        yield _unless(bool((columns[name][there] >= 0).all()), f"{name} of a trace is not there or below 0")
    scored = not traces or set(arm.rewards) == set(rewards)
    yield _unless(scored, f"it has the rewards {sorted(arm.rewards)}, not {sorted(rewards)}")
    for name, values in arm.rewards.items():
        failed = sum(arm.failures.get(name, {}).values())
        gaps = int(np.isnan(values[there]).sum())
        # A problem of which one trace has a value has a mean.
        right = gaps <= failed if arm.trace_counts else gaps == failed
        yield _unless(right, f"{name} of {gaps} traces is not there, where {failed} failed")
    shown = {example.problem for example in arm.examples}
    yield _unless(shown <= set(arm.problems), "its examples are of problems that its stream does not cover")
    yield _unless(arm.metrics.keys() == arm.roles.keys() == arm.plugs.keys(), "its metrics have no roles")


def _run_faults(arm: Measured, objectives: Sequence[str]) -> Iterator[Fault]:
    wanted = sorted((objective, replicate) for objective in objectives for replicate in set(arm.replicates))
    cells_of = {"runs": [(run.objective, run.replicate) for run in arm.runs]}
    cells_of["curves"] = [(curve.objective, curve.replicate) for curve in arm.curves]
    for what, cells in cells_of.items():
        yield _unless(cells == wanted, f"its {what} are {cells or 'none'}, not those of {wanted}")
    for run, curve in zip(arm.runs, arm.curves, strict=True):
        sizes = {len(curve.epoch), len(curve.tokens), len(curve.loss), run.steps}
        whole = len(sizes) == 1 and curve.tokens[-1:] == [run.tokens] * bool(run.steps)
        yield _unless(whole, f"the curve of {run.objective}-{run.replicate} is not of its {run.steps} steps")


def _answer_faults(
    answers: Sequence[Answers],
    replicates: Iterable[int],
    objectives: Sequence[str],
    tasks: Sequence[str],
    asked: Requirements,
) -> Iterator[Fault]:
    wanted = {(t, decoding, objective) for t in tasks for decoding in asked.repeats[t] for objective in objectives}
    found = [(each.task, each.decoding, each.objective) for each in answers]
    yield _unless(sorted(found) == sorted(wanted), f"it has answers to {sorted(found)}, not to {sorted(wanted)}")
    for each, name in zip(answers, found, strict=True):
        shape = (len(each.replicates), len(each.problems))
        told = (each.answers, each.correct, each.truncated, each.unparsed, each.majority)
        yield _unless(all(table.shape == shape for table in told), f"{name}: its tables are of other sizes")
        yield _unless(each.replicates == sorted(set(replicates)), f"{name}: it has replicates {each.replicates}")
        yield _unless(_in_order(each.problems), f"{name}: a problem is there twice, or out of order")
        repeats = asked.repeats[each.task][each.decoding]
        yield _unless(bool((each.answers == repeats).all()), f"{name}: a problem has other than {repeats} answers")
        least = min((int(table.min()) for table in told[:4] if table.size), default=0)
        rest = each.answers - each.correct - each.truncated - each.unparsed
        yield _unless(least >= 0 and bool((rest >= 0).all()), f"{name}: more verdicts than answers")
        share = (each.majority >= 0) & (each.majority <= 1)
        yield _unless(bool(share.all()), f"{name}: a majority is no share")


def _score_faults(arm: Measured, base: Base, objectives: Sequence[str], only: str | None) -> Iterator[Fault]:
    """lm-eval's scores must be those that the untrained learner has, of every learner; `only` names the one task."""
    due = [each for each in base.scored if only in (None, each.task)]
    wanted = sorted((e.task, e.decoding, e.metric, e.filter, e.n, name) for e in due for name in objectives)
    found = sorted((e.task, e.decoding, e.metric, e.filter, e.n, e.objective) for e in arm.scored)
    yield _unless(found == wanted, f"lm-eval's scores are {found or 'none'}, not {wanted}")
    for each in arm.scored:
        sizes = {len(each.replicates), len(each.values), len(each.stderrs)}
        rows = each.documents or []
        whole = sizes == {len(set(arm.replicates))} and all(len(row) == each.n for row in rows)
        yield _unless(whole, f"{each.task}, {each.metric}: its columns are of other sizes")


def _other_problems(each: Answers, base: Mapping[tuple[str, str], Answers]) -> Fault:
    wanted = base[each.task, each.decoding].problems
    same = each.problems == wanted
    said = f"{each.task}, {each.decoding}: {len(each.problems)} problems, of which the untrained learner answered"
    return _unless(same, f"{said} {len(set(each.problems) & set(wanted))} of its {len(wanted)}")


def _in_order(problems: Sequence[str]) -> bool:
    """Whether each stands after the one before it; then none is there twice."""
    return all(map(operator.lt, problems, problems[1:]))


def _unless(holds: bool, fault: str) -> Fault:
    return None if holds else fault
