r"""Solutions that a learner is shown or trained on: the data set's own, else the Oracle's; and what it writes with one.

A data set's chain of thought must say its answer where a grader looks for it. One without a box is closed by
`The final answer is \boxed{...}.` with the gold answer, in place of a last line such as `#### 4`; GSM8K's calculator
marks (`<<2+2=4>>`), which nobody reads, go. All else stays as it is.

>>> worked(Problem("id", "2 + 2?", "4", "toy", "So 2 + 2 = <<2+2=4>>4.\n#### 4"))
'So 2 + 2 = 4.\nThe final answer is \\boxed{4}.'
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from qup.answers import extract
from qup.oracles import Reply
from qup.prompts import guide
from qup.records import Problem
from qup.refiners import Desk, Draft

OWN, GUIDED, ORACLE, REFERENCE = "own", "guided", "oracle", "reference"
"Whose trace it is: the native one, the learner's with a reference in view, the Oracle's, the data set's."
Source = Literal["reference", "oracle"]
"Whose solution is shown: the data set's own where there is one, else the Oracle's; or the Oracle's always."
CALCULATED = re.compile(r"<<[^<>\n]*=[^<>\n]*>>")
MARKED = re.compile(r"\s*^#{2,}[^\n]*\s*\Z", re.MULTILINE)


def worked(problem: Problem) -> str | None:
    """The data set's own chain of thought, with its answer in a box; None where there is none."""
    if problem.solution is None:
        return None
    text = CALCULATED.sub("", problem.solution)
    if extract(text) is not None:
        return text
    return f"{MARKED.sub('', text).rstrip()}\nThe final answer is \\boxed{{{problem.answer}}}.".lstrip()


def references(drafts: Sequence[Draft], desk: Desk, source: Source, attempt: int) -> list[Reply]:
    """A solution of each draft's problem; only for those that have none is the Oracle asked."""
    own = [worked(draft.problem) if source == REFERENCE else None for draft in drafts]
    lacking = [draft.problem for draft, text in zip(drafts, own, strict=True) if text is None]
    solved = iter(desk.oracle.solve(lacking, attempt) if lacking else [])
    return [
        replace(next(solved), origin=ORACLE) if text is None else Reply(text, tokens=0, origin=REFERENCE)
        for text in own
    ]


def retold(prompt: str, drafts: Sequence[Draft], shown: Sequence[Reply], desk: Desk, attempt: int) -> list[Reply]:
    """What the learner writes with each of the solutions beside its problem, at the cost of both.

    `prompt` is a file of qup/prompts/guide. A solution that was cut or is none is given back: there is nothing to show.
    """
    rows = [row for row, reply in enumerate(shown) if reply.failure is None and not reply.truncated]
    problems = [drafts[row].problem for row in rows]
    chats = [guide.ask(prompt, desk.learner.ask(drafts[row].problem.question), shown[row].text) for row in rows]
    written = dict(zip(rows, desk.learner.write(prompt, chats, problems, attempt), strict=True))
    return [_by_learner(reply, written[row]) if row in written else reply for row, reply in enumerate(shown)]


def _by_learner(shown: Reply, written: Reply) -> Reply:
    """The learner's words at the cost of both."""
    spent = shown.learner_tokens + written.learner_tokens
    return replace(written, tokens=shown.tokens, asked=shown.asked, learner_tokens=spent, origin=GUIDED)
