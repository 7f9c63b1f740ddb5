r"""Does a completion hold the right answer? Takes the last `\boxed{...}` and compares by value, with math-verify.

Only a box counts as an answer, because our prompts ask for one. math-verify (huggingface/Math-Verify) decides whether
two expressions are equal; around it stand guards against what it gets wrong: lists are compared part by part, numbers
also by relative difference (to it, `1/2004!` is `1/2006!`), words only as words (to it, `yes` is `sye`), and the sum
that was asked for is not an answer to itself (to it, `2+1` is `3`).

Answers are untrusted input to a parser, so they are compared in worker processes, bounded in length, time and memory.

>>> grade([("1/2", r"\frac{2}{4}"), ("3", "2+1"), ("7", None)])
[True, False, False]
"""

import atexit
import contextlib
import functools
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from qup.records import Verdict

LONGEST = 300
"Characters; a longer answer counts as unparsed."
SECONDS = 5
"Of comparing, after which math-verify gives up by itself."
KILL_AFTER = 4 * SECONDS
"Seconds, after which the worker is killed: long integer arithmetic does not hear math-verify's alarm."
MEMORY = 2 << 30
"Bytes of address space of a worker."

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
WORDS = re.compile(r"[A-Za-z][A-Za-z .'-]{2,}")
MIXED = re.compile(r"([+-]?)(\d+) (?:(\d+)/(\d+)|\\frac\{(\d+)\}\{(\d+)\})")
ASSIGNED = re.compile(r"(?:[A-Za-z]\w*|[A-Za-z]\([A-Za-z]\))=(?!=)")


@dataclass(frozen=True)
class Graded:
    """What became of one completion: the answer it gave, None if none, and the verdict on it."""

    answer: str | None
    verdict: Verdict


def extract(text: str) -> str | None:
    r"""The content of the last complete `\boxed{...}`, nested braces and all; None if there is none or it is empty.

    >>> extract(r"so \boxed{\frac{1}{2}}.")
    '\\frac{1}{2}'
    """
    for box in reversed(list(re.finditer(r"\\boxed\s*\{", text))):
        end = _closing(text, box.end())
        if end is not None:
            return text[box.end() : end].strip() or None
    return None


def _closing(text: str, start: int) -> int | None:
    """Where the brace that was opened before `start` closes; escaped braces are text."""
    depth = 1
    for found in re.finditer(r"\\.|[{}]", text[start:], re.DOTALL):
        depth += {"{": 1, "}": -1}.get(found.group(), 0)
        if depth == 0:
            return start + found.start()
    return None


def graded(golds: Sequence[str], texts: Sequence[str], truncated: Sequence[bool]) -> list[Graded]:
    """Answer and verdict of each completion; `truncated` says which were cut by the length limit."""
    answers = [extract(text) for text in texts]
    same = _judge(list(zip(golds, answers, strict=True)))
    return [Graded(a, _verdict(a, s, cut)) for a, s, cut in zip(answers, same, truncated, strict=True)]


def verdicts(golds: Sequence[str], texts: Sequence[str], truncated: Sequence[bool]) -> list[Verdict]:
    """The verdicts alone, as in `graded`."""
    return [g.verdict for g in graded(golds, texts, truncated)]


def _verdict(answer: str | None, same: bool | None, truncated: bool) -> Verdict:
    if answer is None and truncated:
        return Verdict.TRUNCATED
    if same is None:
        return Verdict.UNPARSED
    return Verdict.CORRECT if same else Verdict.WRONG


def grade(answers: Sequence[tuple[str, str | None]]) -> list[bool]:
    """Whether each (gold, given) pair is one and the same answer; what cannot be read is not."""
    return [same is True for same in _judge(answers)]


def _judge(pairs: Sequence[tuple[str, str | None]]) -> list[bool | None]:
    """As `grade`, with None where no judgement was possible: no answer, too long, or over a worker's limits."""
    readable = [(g, a) for g, a in pairs if a is not None and len(a) <= LONGEST and _normal(a)]
    known: dict[tuple[str, str | None], bool | None] = {pair: _at_sight(*pair) for pair in readable}
    hard = [pair for pair, same in known.items() if same is None]
    known.update(zip(hard, _in_workers(hard), strict=True))
    return [known.get(pair) for pair in pairs]


def _at_sight(gold: str, given: str | None) -> bool | None:
    """The judgement where it takes no algebra: equal text, plain numbers, words; else None."""
    a, b = _normal(gold), _normal(given or "")
    if a == b:
        return True
    if NUMBER.fullmatch(a) and NUMBER.fullmatch(b) and "." not in a + b:
        return Fraction(a) == Fraction(b)
    if WORDS.fullmatch(a) or re.search(r"\d \d", b):
        return a.casefold() == b.casefold()
    return None


def _normal(text: str) -> str:
    """An answer without typography: dollar signs, bold, sizes, units' spaces, thousands' commas, a final stop."""
    text = re.sub(r"\\left|\\right|\\[!,;: ]|\\\$|\$|\\\(|\\\)|\*\*", lambda m: " " if m[0] == "\\ " else "", text)
    text = re.sub(r"\\[dt]frac", r"\\frac", text).replace("\\%", "%").replace("−", "-")
    text = re.sub(r"^\s*\\(?:text|textbf|mathrm|mathbf)\{([^{}]*)\}\s*$", r"\1", text)
    text = re.sub(r"\s*([-,;=+*/^(){}\[\]<>])\s*", r"\1", " ".join(text.split()))
    text = re.sub(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])", lambda m: m[0].replace(",", ""), text)
    text = MIXED.sub(_improper, text) if MIXED.fullmatch(text) else text
    return text.rstrip(".").strip()


def _improper(mixed: re.Match[str]) -> str:
    sign, whole, top, bottom = mixed[1], int(mixed[2]), int(mixed[3] or mixed[5]), int(mixed[4] or mixed[6])
    return f"{sign}{whole * bottom + top}/{bottom}"


# --- in the worker -------------------------------------------------------------------------------------------------


def _same(gold: str, given: str) -> bool:
    """Equality of two normal answers; of lists, sets, tuples and intervals, part by part."""
    (fence, parts), (other_fence, other_parts) = _parts(gold), _parts(given)
    if len(parts) != len(other_parts):
        return False
    if len(parts) == 1:
        return _same_value(gold, given)
    unordered = {"", "\\{\\}", "{}"}
    if fence in unordered and other_fence in unordered:
        return _same_bag(parts, other_parts)
    return fence == other_fence and all(map(_same, parts, other_parts))


def _same_bag(parts: list[str], others: list[str]) -> bool:
    """Equality in any order; equality is transitive, so taking the first match is right."""
    left = list(others)
    for part in parts:
        match = next((other for other in left if _same(part, other)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _parts(text: str) -> tuple[str, list[str]]:
    """The fence around a list, as opening and closing mark, and the parts between top-level commas."""
    for fence in re.finditer(r"^(\\\{|[\[({])(.*?)(\\\}|[\])}])$", text, re.DOTALL):
        inner = _split(fence[2])
        if inner is not None and len(inner) > 1:
            return fence[1] + fence[3], inner
    return "", _split(text) or [text]


def _split(text: str) -> list[str] | None:
    """Parts between top-level commas or semicolons; None if a bracket closes that was not opened."""
    parts, depth = [""], 0
    for token in re.findall(r"\\?[^\\]|\\", text, re.DOTALL):
        depth += (token[-1] in "([{") - (token[-1] in ")]}")
        if depth < 0:
            return None
        if depth == 0 and token in ",;":
            parts.append("")
        else:
            parts[-1] += token
    return [part.strip() for part in parts]


def _same_value(gold: str, given: str) -> bool:
    """math-verify's judgement of two single expressions, with our guards around it."""
    from math_verify import parse, verify

    gold, given = _values(gold, given)
    if NUMBER.fullmatch(gold) and _unevaluated(given, fraction_is_number="." in gold):
        return False
    a, b = (parse(f"\\boxed{{{text}}}", parsing_timeout=SECONDS, raise_on_error=True) for text in (gold, given))
    return bool(a and b and verify(a, b, timeout_seconds=SECONDS, raise_on_error=True) and _near(a[0], b[0]))


def _values(gold: str, given: str) -> tuple[str, str]:
    """What stands after `x=`, if both sides name the same variable or only one names any."""
    names = [m.group() if (m := ASSIGNED.match(text)) else "" for text in (gold, given)]
    if all(names) and names[0] != names[1]:
        return gold, given
    return gold[len(names[0]) :], given[len(names[1]) :]


def _unevaluated(text: str, fraction_is_number: bool) -> bool:
    """Whether an operator is left to carry out, after the last equals sign; powers of ten are part of a number."""
    text = re.sub(r"(?:\\times|\\cdot|\*)10\^", "", text.rpartition("=")[2].replace(" ", ""))
    operators = r"[+*]|\\times|\\cdot|\\div|(?<=[^\^{(])-" + ("" if fraction_is_number else r"|/|\\frac")
    return re.search(operators, text) is not None


def _near(a: Any, b: Any) -> bool:
    """Whether two numbers differ by less than a 100,000th of the larger; math-verify only looks at six decimals."""
    if not (getattr(a, "is_number", False) and getattr(b, "is_number", False)):
        return True
    return bool(abs((a - b).evalf()) <= 1e-5 * max(abs(a.evalf()), abs(b.evalf())))


def _serve() -> None:
    """A worker: JSON lines [gold, given] in, true, false or null out."""
    import logging

    import math_verify  # noqa: F401  (the first answer should not wait for it)

    logging.disable()
    if sys.platform != "win32":
        import resource

        # macOS has the limit but does not take it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_attempt(*json.loads(line))), flush=True)


def _attempt(gold: str, given: str) -> bool | None:
    from math_verify.errors import TimeoutException

    try:
        return _same(_normal(gold), _normal(given))
    except (TimeoutException, MemoryError, RecursionError):
        return None
    except Exception:
        # Whatever sympy raises on what it cannot read or compare: then the two are equal as text or not at all.
        return False


# --- in the parent -------------------------------------------------------------------------------------------------


class _Worker:
    """One worker process, started when first needed and again after it was killed or died."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        atexit.register(self.stop)

    def ask(self, gold: str, given: str | None) -> bool | None:
        """The worker's judgement; None if it did not survive the question."""
        if self.process and self.process.poll() is not None:
            self.stop()
        self.process = self.process or self._start()
        answer = self._exchange(self.process, json.dumps([gold, given]))
        if not answer:
            self.stop()
            return None
        same: bool | None = json.loads(answer)
        return same

    def _exchange(self, process: subprocess.Popen[str], question: str) -> str:
        assert process.stdin
        assert process.stdout
        watchdog = threading.Timer(KILL_AFTER, process.kill)
        watchdog.start()
        try:
            process.stdin.write(question + "\n")
            process.stdin.flush()
            return process.stdout.readline()
        except OSError:
            return ""
        finally:
            watchdog.cancel()

    def _start(self) -> subprocess.Popen[str]:
        # A fresh interpreter, not multiprocessing: no fork after torch, no second import of the caller's main module.
        paths = [str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")]
        command = [sys.executable, "-c", "from qup.answers import _serve; _serve()"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8", env=environment)
        assert process.stdout
        if process.stdout.readline() != "ready\n":
            process.communicate()
            raise RuntimeError("the grader's worker process did not start; its message stands above")
        return process

    def stop(self) -> None:
        """End the process, if there is one."""
        if self.process:
            self.process.kill()
            # Whatever was still to be written to the dead process cannot be.
            with contextlib.suppress(OSError):
                self.process.communicate()
            self.process = None


@functools.cache
def _workers(pid: int) -> list[_Worker]:
    """The workers of process `pid`: a forked child must not talk into its parent's pipes."""
    return [_Worker() for _ in range(min(4, os.cpu_count() or 1))]


def _in_workers(pairs: Sequence[tuple[str, str | None]]) -> list[bool | None]:
    """Judge pairs in the workers, side by side; a pair's judgement does not depend on the others."""
    if not pairs:
        return []
    workers = _workers(os.getpid())[: len(pairs)]
    shares = [pairs[i :: len(workers)] for i in range(len(workers))]
    with ThreadPoolExecutor(len(workers)) as threads:
        done = threads.map(lambda worker, share: [worker.ask(*pair) for pair in share], workers, shares)
    judged: list[bool | None] = [None] * len(pairs)
    for i, share in enumerate(done):
        judged[i :: len(workers)] = share
    return judged
