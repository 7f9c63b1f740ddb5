"""A toy study's records as the stages leave them on disk, and the stages that make of them what a report reads."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from toyreport import FACTORIAL, GOLDEN, Toy, toy

from qup import records, restyles
from qup.records import Eval, Finish, Problem, Score, Trace, Verdict, due
from qup.records.restyled import Restyled
from stages import cli, measure, measure_base, report

HELDOUT = 12
"Problems: fewer than a toy report has, so that hundreds of tries take seconds."
SYNTHESIZED = "home/oracle_synthesized"
DIALS = FACTORIAL | {SYNTHESIZED: (1.5, 0.0, 1.7)}
NAMES = {"stream": "stream", "scores": "scores", "compat": "compat", "steps": "trajectory", "runs": "runs"}


@dataclass(frozen=True)
class Files:
    """A study whose records lie below a folder, as dvc.yaml has them."""

    folder: Path
    toy: Toy

    def measure(self, arm: str) -> bytes:
        """What the measure stage makes of an arm's records."""
        oracle, _, refiner = arm.rpartition("/")
        flags = {"problems": "problems", "traces": "traces.jsonl", "arm": f"arms/{arm}", "out": f"measured/{arm}.json"}
        return self._run(measure, flags, f"--oracle={oracle}", f"--refiner={refiner}")

    def measure_base(self) -> bytes:
        """What is made of the untrained learner's records."""
        flags = {"problems": "problems", "traces": "traces.jsonl", "scores": "base/scores.jsonl"}
        return self._run(
            measure_base,
            flags
            | {
                "restyled": "base/restyled.jsonl",
                "evals": "base/evals.jsonl",
                "tasks": "base/tasks.jsonl",
                "learner": "learner",
                "out": "measured/base.json",
            },
        )

    def report(self) -> bytes:
        """The numbers of the report, as report.json has them."""
        flags = {"params": "params.yaml", "arms": "measured", "metrics": "metrics.json", "plots": "plots"}
        self._run(report, flags | {"out": "report"})
        return (self.folder / "report" / "report.json").read_bytes()

    def all(self) -> list[bytes]:
        """Everything a report reads."""
        return [self.measure_base(), *map(self.measure, self.toy.arms)]

    def _run(self, stage: Any, flags: dict[str, str], *others: str) -> bytes:
        paths = {flag: self.folder / path for flag, path in flags.items()}
        stage.main(["--study=toy.yaml", *(f"--{flag}={path}" for flag, path in paths.items()), *others])
        return paths["out"].read_bytes() if paths["out"].is_file() else b""


def laid_out(folder: Path, patch: pytest.MonkeyPatch) -> Files:
    """The factorial, its records written; the stages are given the study as it is, and reports have no plots."""
    made = toy(DIALS, objectives=("sft",), resamples=200)
    sampling = dataclasses.replace(made.study.sampling, n=2)
    study = dataclasses.replace(made.study, oracles={"home": made.study.oracles["home"]}, sampling=sampling)
    order = [*study.main_arms(["home"])]
    made = dataclasses.replace(made, study=study, arms={name: made.arms[name] for name in order})
    patch.setattr(cli, "start", lambda _: study)
    patch.setattr("qup.report.plots.draw", lambda *_: {})
    train = [Problem(f"t{p:03}", f"{p}?", "1", "toy", None, [], "train", 1 + p % 3) for p in range(30)]
    heldout = [Problem(f"h{p:03}", f"{p}!", "1", "toy") for p in range(HELDOUT)]
    records.write(folder / "problems" / "train.jsonl", train)
    records.write(folder / "problems" / "evaluation" / "heldout.jsonl", heldout)
    checks = {"training": {"train": {"count": 30}}, "evaluation": {"heldout": {"count": HELDOUT}}}
    (folder / "problems" / "checks.json").write_text(json.dumps(checks))
    traces = [_trace(problem.id, i, failed=problem is train[-1]) for problem in train for i in range(study.sampling.n)]
    records.write(folder / "traces.jsonl", traces)
    for name, arm in made.arms.items():
        for field, file in NAMES.items():
            records.write(folder / "arms" / name / f"{file}.jsonl", getattr(arm, field))
        records.write(folder / "arms" / name / "evals.jsonl", as_written(arm.evals))
        records.write(folder / "arms" / name / "tasks.jsonl", [])
    scores = [Score(t.problem_id, "genrm", place * GOLDEN % 1, None, t.index) for place, t in enumerate(traces)]
    records.write(folder / "base" / "scores.jsonl", scores)
    restyled = restyles.chosen(train, due.tried(train, traces))
    moved = [Restyled(t.problem_id, t.index, name, "genrm", 0.5) for t, name, _ in restyled]
    records.write(folder / "base" / "restyled.jsonl", moved)
    records.write(folder / "base" / "evals.jsonl", as_written(made.evals))
    records.write(folder / "base" / "tasks.jsonl", [])
    (folder / "params.yaml").write_text("{study: toy, refiner: style_aligned, oracles: [home]}")
    (folder / "measured").mkdir()
    (folder / "measured" / "further.json").write_text("[]\n")
    return Files(folder, made)


def _trace(problem: str, index: int, *, failed: bool) -> Trace:
    verdict = Verdict.WRONG if failed or index else Verdict.CORRECT
    return Trace(problem, index, f"{problem} = {index}", 9, Finish.STOP, "1", verdict)


def as_written(evals: list[Eval]) -> list[Eval]:
    """Answers to the first few problems, in the order in which the evaluate stage writes them."""
    few = {f"h{p:03}" for p in range(HELDOUT)}

    def place(answer: Eval) -> tuple[Any, ...]:
        greedy = answer.decoding != "sampled"
        return answer.objective, answer.replicate, answer.task, greedy, answer.problem_id, answer.repeat

    return sorted((answer for answer in evals if answer.problem_id in few), key=place)
