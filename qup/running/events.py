"""What DVC and its stages say, as events: a stage begins, is as it was, is at so much of its work, or failed.

>>> list(Reader().read(b"Running stage 'sample@smoke':\\n"))
[Begun(stage='sample@smoke')]
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

BEGUN = re.compile(r"Running stage '(?P<stage>[^']+)':")
AS_IT_WAS = re.compile(r"Stage '(?P<stage>[^']+)' (didn't change, skipping|is cached - skipping run)")
FAILED = re.compile(r"(?P<whose>qup|ERROR): (?P<text>.+)")
BAR = re.compile(r"(?:(?P<what>[^%|]{1,40}): +)?\d+%\|[^|]*\| *(?P<done>\d+)/(?P<of>\d+)")
"A progress bar of tqdm."


@dataclass(frozen=True)
class Begun:
    """A stage runs."""

    stage: str


@dataclass(frozen=True)
class AsItWas:
    """A stage need not run: nothing changed, or DVC has its outputs."""

    stage: str


@dataclass(frozen=True)
class Working:
    """Some of a stage's work is done."""

    what: str
    "The bar's name; may be empty."
    done: int
    of: int


@dataclass(frozen=True)
class Failed:
    """Something failed, in the words of a stage of ours or of DVC."""

    text: str
    ours: bool


Event = Begun | AsItWas | Working | Failed


@dataclass
class Reader:
    """Output in pieces of any size to events; a bar draws over itself, so a carriage return ends a line too."""

    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )
    _rest: str = ""

    def read(self, chunk: bytes) -> Iterator[Event]:
        """The events of what is now complete."""
        *lines, self._rest = re.split(r"[\r\n]", self._rest + self._decoder.decode(chunk))
        for line in lines:
            yield from _event(line)

    def end(self) -> Iterator[Event]:
        """The events of a last line that nothing ended."""
        yield from _event(self._rest)


def _event(line: str) -> Iterator[Event]:
    if match := BEGUN.search(line):
        yield Begun(match["stage"])
    elif match := AS_IT_WAS.search(line):
        yield AsItWas(match["stage"])
    elif match := FAILED.match(line):
        yield Failed(match["text"].strip(), ours=match["whose"] == "qup")
    elif match := BAR.search(line):
        yield Working((match["what"] or "").strip(), int(match["done"]), int(match["of"]))
