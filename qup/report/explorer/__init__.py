"""The explorer of traces: a few problems, what each main arm made of them side by side, marked for a reader.

It is for looking, and no number of the report comes of it. What a trace says is data to the page and never a part of
it: it travels as JSON, in which no tag can end, and is put in place as text.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup.arms import ALIGNED, NATIVE, REFINED, RESTYLED, SYNTHESIZED
from qup.measured.examples import Example, Question
from qup.records import DIGITS64, unpack_lengths
from qup.report.evidence import Evidence
from qup.report.explorer import marks
from qup.report.explorer.marks import Edit

BUDGET = 2_500_000
"Bytes of traces on the page: as many problems as fit, in the order in which they were drawn."
SIDE_BY_SIDE = (NATIVE, REFINED, ALIGNED, SYNTHESIZED, RESTYLED)
"Refiners as columns; those of others follow."
TEMPLATE, SCRIPT = (Path(__file__).with_name(name) for name in ("explorer.html.jinja", "explorer.js"))
SIGNS = {"equal": "=", "insert": "+", "delete": "-"}

Json = dict[str, Any]


@dataclass(frozen=True)
class Explorer:
    """The problems that are shown."""

    shown: int
    covered: int
    "Problems that the streams cover."
    streams: list[str]
    "Labels of the arms."
    cut: int
    "Traces that are longer than what is kept of them."
    data: str
    "What the page's script reads, as JSON."


def numbers(evidence: Evidence) -> Explorer | None:
    """The explorer; None of a study that was measured when no traces were kept, or that has none."""
    arms = {name: {each.problem: each for each in arm.examples} for name, arm in evidence.arms.items() if arm.examples}
    if not arms or not evidence.base.questions:
        return None
    names = sorted(arms, key=lambda name: _place(evidence.arms[name].refiner))
    labels, rewards = [evidence.labels[name] for name in names], list(evidence.study.rewards)
    primary = evidence.traces.primary
    data: Json = {
        "streams": [{"label": evidence.labels[name], "native": name == evidence.native} for name in names],
        "rewards": rewards,
        "primary": primary if primary in rewards else None,
        "digits": DIGITS64,
        "full": marks.FULL,
        "steps": marks.STEPS,
    }
    problems: list[Json] = []
    room, cut = BUDGET, 0
    for question in evidence.base.questions:
        examples = [arms[name].get(question.problem) for name in names]
        native = arms.get(evidence.native or "", {}).get(question.problem)
        problem = _problem(question, examples, native, rewards)
        room -= len(_json(problem).encode())
        if room < 0:
            break
        problems.append(problem)
        cut += sum(example.cut for example in examples if example)
    covered = max(len(evidence.arms[name].problems) for name in names)
    return Explorer(len(problems), covered, labels, cut, _json(data | {"problems": problems}))


def _place(refiner: str) -> int:
    return SIDE_BY_SIDE.index(refiner) if refiner in SIDE_BY_SIDE else len(SIDE_BY_SIDE)


def _json(value: Any) -> str:
    """JSON in which no tag begins, so that it can stand in a page."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _problem(
    question: Question, examples: Sequence[Example | None], native: Example | None, rewards: Sequence[str]
) -> Json:
    streams = [None if example is None else _stream(example, native, rewards) for example in examples]
    return {"id": question.problem, "question": question.question, "answer": question.answer, "streams": streams}


def _stream(example: Example, native: Example | None, rewards: Sequence[str]) -> Json:
    told: Json = {
        "outcome": example.outcome,
        "verdict": example.verdict,
        "calls": example.attempts,
        "oracle": example.oracle_tokens,
        "rewards": [_short(example.rewards.get(reward)) for reward in rewards],
        "origin": example.origin,
    }
    if example.text is None:
        return told
    told |= {"text": example.text, "tokens": example.tokens, "nll": round(example.nll, 2), "cut": example.cut}
    told |= {"surprisal": example.surprisal, "lengths": example.lengths, "wrong": example.wrong_draft}
    if example.draft is not None:
        told["edits"] = [_edit(edit) for edit in edits(example, native)]
    return told


def edits(example: Example, native: Example | None) -> list[Edit]:
    """What the refiner made of its draft; by tokens where the draft is the native trace, whose tokens are known."""
    known = native is not None and native.text == example.draft
    before = marks.pieces(example.draft or "", unpack_lengths(native.lengths) if native and known else ())
    after = marks.pieces(example.text or "", unpack_lengths(example.lengths) if known else ())
    made = marks.edited(before, after)
    # Where a trace is cut the texts only seem to part.
    while made and example.cut and made[-1].kind == "delete":
        made.pop()
    return made


def _edit(edit: Edit) -> list[str | int]:
    """`=`, `+` or `-` with `l` or `s`; then the characters of this text that it is of, or what was taken away."""
    return [SIGNS[edit.kind] + edit.changed[:1], edit.text if edit.kind == "delete" else len(edit.text)]


def _short(value: float | None) -> float | None:
    """Four significant digits: for the eye."""
    return None if value is None else float(f"{value:.4g}")


def html(explorer: Explorer) -> str:
    """The explorer's part of the page: its controls, what it reads and its script; a sentence where there are none."""
    import jinja2
    import markupsafe

    env = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    given: Mapping[str, Any] = {
        "data": markupsafe.Markup(explorer.data),
        "script": markupsafe.Markup(SCRIPT.read_text(encoding="utf-8")),
        "steps": range(marks.STEPS + 1),
        "full": marks.FULL,
    }
    return env.from_string(TEMPLATE.read_text(encoding="utf-8")).render(given)
