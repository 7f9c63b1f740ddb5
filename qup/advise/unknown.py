"""What advice does not know: said with every advice, for it is as much of the answer as the pick."""

import itertools
from collections.abc import Sequence

from qup.advise import words
from qup.advise.asked import Asked
from qup.advise.comparing import Compared
from qup.advise.learners import Opened
from qup.advise.record import Record
from qup.advise.scoring import CORRECT, Scores, left_out
from qup.records import Verdict


def told(asked: Asked, opened: Opened, compared: Compared, record: Record, disputed: int) -> list[str]:
    """Sentences, the weightiest first."""
    return [
        *_foreign(opened, record),
        "Utility is not measured: nothing was trained, and no reward model was asked.",
        *_drawn(asked, compared.scores),
        *_shares(compared.scores),
        *_answers(compared, disputed),
        *_spoken(opened),
        *_unmeasured(),
    ]


def _foreign(opened: Opened, record: Record) -> list[str]:
    if not record.studies:
        return []
    names = words.listed([str(each["name"]) for each in record.studies])
    return [
        f"The record is of {len(record.learners)} learners ({'; '.join(record.learners)}) on the problems of {names}. "
        f"This learner ({opened.family or 'of unknown family'}, {words.size(opened.parameters)}) and these problems "
        "are others, and nobody has measured whether the record holds there."
    ]


def _drawn(asked: Asked, scores: Sequence[Scores]) -> list[str]:
    said = []
    if left := sum(each.not_drawn for each in scores):
        total = sum(len(each.stream.traces) for each in scores)
        said.append(
            f"{total - left} of {total} traces were drawn (seed {asked.seed}); --limit 0 takes all, and more traces "
            "tell smaller differences apart."
        )
    if long := {each.stream.name: each.too_long for each in scores if each.too_long}:
        parts = [f"{count} of {name}" for name, count in long.items()]
        said.append(
            f"Traces longer than the learner takes are left out, {words.listed(parts)}: a stream may look less foreign "
            "for having lost its longest."
        )
    for each in scores:
        if each.stream.left_out:
            parts = [f"{count} {reason}" for reason, count in each.stream.left_out.items()]
            said.append(f"Of the {each.stream.rows} rows of {each.stream.name} are left out: {words.listed(parts)}.")
    return said


def _shares(scores: Sequence[Scores]) -> list[str]:
    said = []
    for first, second in itertools.combinations([each.stream for each in scores], 2):
        shared, counts = (
            len(first.problems.keys() & second.problems.keys()),
            (len(first.problems), len(second.problems)),
        )
        if shared < max(counts):
            said.append(
                f"{first.name} and {second.name} share {shared} problems, of {counts[0]} and {counts[1]}: they are "
                "compared on these, and what the others are worth, or how many there are, is not in it."
            )
    return said


def _answers(compared: Compared, disputed: int) -> list[str]:
    said = []
    known = [name for name in compared.names if CORRECT in compared.means[name]]
    if not known:
        said.append("No gold answers are known, so nothing is said of whether the traces are right.")
    elif len(known) < len(compared.names):
        others = [name for name in compared.names if name not in known]
        said.append(
            f"No answer of {words.listed(others)} could be graded: no gold answers, or none in a box or after ####."
        )
    unread = {
        each.stream.name: sum(trace.verdict is Verdict.UNPARSED for trace in each.traces) for each in compared.scores
    }
    if parts := [f"{count} of {name}" for name, count in unread.items() if count and name in known]:
        said.append(
            f"No final answer (in a box or after ####) could be read in {words.listed(parts)}: not counted as wrong."
        )
    if disputed:
        said.append(f"Files say different gold answers to {disputed} problems, which are not graded.")
    return said


def _spoken(opened: Opened) -> list[str]:
    said = []
    if opened.template != "own":
        said.append(
            f"The learner was spoken to by the chat template {opened.template}, not by its own: train it so, too."
        )
    prompt = opened.learner.prompt
    said.append(
        f"Traces were scored as replies to the prompt `{prompt}`; training by another prompt changes the figures."
    )
    return said + [f"{note[0].upper()}{note[1:]}." for note in opened.notes if "chat template is" not in note]


def _unmeasured() -> list[str]:
    missing = left_out()
    return [f"Not computed, for they need a pass of their own: {', '.join(missing)}."] if missing else []
