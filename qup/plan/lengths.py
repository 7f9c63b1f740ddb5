"""How long questions and answers of a study are and how many problems its learner solves: read off its earlier traces,
else assumed, and said so.
"""

import dataclasses
import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from qup.errors import SettingsError
from qup.plan.spans import Span, about, exactly
from qup.plan.tokens import CHARACTERS, Tokens, by_characters, of_learner
from qup.prompts.learner import ask
from qup.records import Finish, Verdict
from qup.study import Study

READ = 20_000
"Lines of a file that are read, at most: a plan is to take seconds."
QUESTION = Span(20, 90, 300)
"Tokens of a question where there are none to look at [assumed]."
ANSWER = (0.2, 0.5, 1.0)
"Shares of the longest allowed answer that an answer has where there are no traces [assumed]."
LONGEST = (0.6, 0.95, 1.0)
"The same of the longest answer in a batch."
SOLVED = Span(0.15, 0.45, 0.9)
"Share of problems that the learner solves where there are no traces [assumed]."
MEASURED, SKETCHED = (0.9, 1.1), (0.5, 1.8)
"How far off answers' lengths may be, as factors: of samples seen, and of solutions that stand in for them [assumed]."
STRETCH = 1.25
"Longest answer of a batch to its longest solution [assumed; some sample wanders: 1.24 to 1.33 in glass boxes]."
DRAWN = 256
"Problems that a source is asked for where none were prepared."
COUNTED = 512
"Texts whose tokens are counted, spread evenly over what there is."
CUT = 0.2
"Share of samples cut above which other limits make other lengths."


@dataclass(frozen=True)
class Lengths:
    """Tokens of questions and answers, and shares of problems."""

    source: str
    "Where it is from."
    question: Span
    "Tokens of a prompt, the chat template's included."
    sampled: tuple[int, ...] = ()
    "Tokens of the samples seen, those of the longest questions first, as they are batched."
    limit: int = 0
    "Longest sample allowed when they were drawn; 0 where none was cut."
    characters: float = CHARACTERS
    "Of a token."
    solved: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    "Training set to problems seen, solved, and failed ones that have a draft."
    whole: bool = False
    "Whether every trace was read."
    shares: int = 1
    "Training sets and replicates whose samples were batched apart."
    bounds: tuple[float, float] = MEASURED
    "How far off the lengths of answers may be, as factors."
    stretch: float = 1.0
    "By how much the longest answer of a batch is longer than the longest of `sampled`."

    def answer(self, most: int) -> Span:
        """Tokens of an answer that may have `most`."""
        if not self.sampled:
            return Span(*(share * most for share in ANSWER))
        return about(self._scaled(sum(self.sampled) / len(self.sampled), most), *self.bounds).capped(most)

    def longest(self, most: int, batch: int) -> Span:
        """Tokens of the longest answer in a batch, up to which all of the batch is computed: the mean over batches.

        A batch holds questions that are about as long, and so are their answers.
        """
        if batch == 1:
            return self.answer(most)
        if not self.sampled:
            return Span(*(share * most for share in LONGEST))
        shares = [self.sampled[first :: self.shares] for first in range(self.shares)]
        tops = [max(share[start : start + batch]) for share in shares for start in range(0, len(share), batch)]
        return about(self._scaled(self.stretch * statistics.mean(tops), most), *self.bounds).capped(most)

    def _scaled(self, tokens: float, most: int) -> float:
        """With the limit; one token at least, which is how an answer ends."""
        cut = sum(length >= self.limit for length in self.sampled) / len(self.sampled) if self.limit else 0.0
        return max(1.0, min(most, tokens * most / self.limit if cut > CUT else tokens))

    def share(self, training_set: str, scope: str) -> Span:
        """Share of a training set's problems that a stream of a scope covers."""
        own = self.solved.get(training_set) or self._of_all()
        if own is None:
            drafted = Span(0.0, 0.5, 1.0)
            failed = Span(*(1 - share for share in (SOLVED.high, SOLVED.mid, SOLVED.low))) * drafted
            return {"solved": SOLVED, "failed": failed, "all": (SOLVED + failed).capped(1.0)}[scope]
        seen, solved, failed_ones = own
        covered = {"solved": solved, "failed": failed_ones, "all": solved + failed_ones}[scope] / seen
        if self.whole and training_set in self.solved:
            return exactly(covered)
        return about(covered, 0.8, 1.2).capped(1.0)

    def _of_all(self) -> tuple[int, int, int] | None:
        if not self.solved:
            return None
        seen, solved, failed = (sum(column) for column in zip(*self.solved.values(), strict=True))
        return seen, solved, failed


def of_study(study: Study, data: Path, models: Path) -> Lengths:
    """What the study's data tell, `data` being their folder, and `models` that of its models; else assumptions."""
    try:
        return _seen(study, data, of_learner(study, models))
    except (ValueError, LookupError, TypeError, AttributeError):
        # Whose records these are is for the stages to say.
        return Lengths(f"the records in {data} cannot be read: lengths are assumed", QUESTION)


def _seen(study: Study, data: Path, known: Tokens | None) -> Lengths:
    problems = list(_lines(data / "problems" / "train.jsonl"))
    traces = list(_lines(data / "traces.jsonl"))
    if not traces:
        drawn = problems or _drawn(study, data.parent / "problems")
        return _sketched(study, drawn, known or by_characters(CHARACTERS))
    tokens = sum(trace["tokens"] for trace in traces)
    characters = sum(len(trace["text"]) for trace in traces) / max(1, tokens) or CHARACTERS
    return Lengths(
        source=f"the {len(traces)} traces of an earlier run in {data}",
        question=_question(study, problems, known or by_characters(characters)),
        sampled=_as_batched(problems, traces),
        shares=len({(problem.get("training_set"), problem.get("replicate")) for problem in problems}) or 1,
        limit=_limit(traces),
        characters=characters,
        solved=_solved(problems, traces),
        whole=len(traces) < READ and len(traces) == study.sampling.n * len(problems),
    )


def _sketched(study: Study, problems: list[dict[str, Any]], tokens: Tokens) -> Lengths:
    """What problems alone tell: their questions, and their solutions, about as long as which answers may be."""
    solutions = _spread([row for row in problems if row.get("solution")])
    longest_first = sorted(solutions, key=lambda row: -len(row["question"]))
    source = "no traces yet: lengths are assumed, and so is how many problems are solved"
    if solutions:
        source = "no traces yet: answers as long as the problems' solutions, and solved problems, are assumed"
    return Lengths(
        source=source,
        question=_question(study, problems, tokens),
        sampled=tuple(round(tokens.said(row["solution"])) for row in longest_first for _ in range(study.sampling.n)),
        bounds=SKETCHED,
        stretch=STRETCH,
    )


def _drawn(study: Study, files: Path) -> list[dict[str, Any]]:
    """Problems of the first source, where it makes them by itself or has a file of them here; nothing is downloaded."""
    source: Any = study.problems.sources[0].source
    if not (source.endless or getattr(source, "file", None)):
        return []
    try:
        return [dataclasses.asdict(problem) for problem in source.problems(DRAWN, study.seed, files)]
    except SettingsError:
        return []


def _as_batched(problems: list[dict[str, Any]], traces: list[dict[str, Any]]) -> tuple[int, ...]:
    """Tokens of the samples in the order of their questions' lengths."""
    questions = {problem["id"]: len(problem["question"]) for problem in problems}
    ordered = sorted(traces, key=lambda trace: -questions.get(trace["problem_id"], 0))
    return tuple(trace["tokens"] for trace in ordered)


def _limit(traces: list[dict[str, Any]]) -> int:
    """The longest answer that was allowed when these were drawn; 0 where none was cut."""
    return max((trace["tokens"] for trace in traces if trace["finish"] == Finish.LENGTH), default=0)


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    """The first records of a file; none where it is not there or holds something else."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in islice(file, READ):
            yield json.loads(line)


def _question(study: Study, problems: list[dict[str, Any]], tokens: Tokens) -> Span:
    """Tokens of a prompt: a question as the study's prompt puts it."""
    if not problems:
        return QUESTION
    asked = [tokens.asked(ask(study.prompt, row["question"])) for row in _spread(problems)]
    return about(statistics.mean(asked), 0.8, 1.3)


def _spread(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most `COUNTED` of them."""
    return rows[:: -(-len(rows) // COUNTED)] if rows else []


def _solved(problems: list[dict[str, Any]], traces: list[dict[str, Any]]) -> dict[str, tuple[int, int, int]]:
    """As `Lengths.solved`; by the rule of `qup.records.drafted`."""
    verdicts: dict[str, set[str]] = defaultdict(set)
    for trace in traces:
        verdicts[trace["problem_id"]] |= {trace["verdict"]} if trace["finish"] != Finish.LENGTH else {"cut"}
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for problem in problems:
        own = verdicts.get(problem["id"])
        if own is not None:
            tally = counts[problem.get("training_set") or ""]
            solved = Verdict.CORRECT in own
            for place, holds in enumerate((True, solved, not solved and Verdict.WRONG in own)):
                tally[place] += holds
    return {name: (seen, solved, failed) for name, (seen, solved, failed) in counts.items()}
