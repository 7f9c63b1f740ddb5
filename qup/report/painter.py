"""Charts become pictures in a process of their own, beside what the report computes and draws meanwhile.

To start V8 takes a second, and a conversion lets no other thread of its process run. Both ends of the pipe are in this
file: JSON lines go to `serve`, pictures come back as such.
"""

import atexit
import base64
import contextlib
import functools
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from qup.lm import lifeline

FONTS = {"FONTCONFIG_FILE": str(Path(__file__).with_name("fonts") / "fonts.conf")}
"What fontconfig reads instead of the machine's fonts."

READYING = threading.Lock()
"One painter is enough, whoever asks at once."


@dataclass(frozen=True)
class Picture:
    """A chart as it is kept."""

    svg: str
    png: bytes
    "Empty where none was asked for."


class Painter:
    """A process that paints one chart after the other; it ends with this one."""

    def __init__(self) -> None:
        pipe, code = subprocess.PIPE, f"from {__name__} import serve; serve()"
        self._owner, self._process = os.getpid(), lifeline.python(code, environment=FONTS, stdin=pipe, stdout=pipe)
        self._asked: SimpleQueue[tuple[str, Future[Picture]]] = SimpleQueue()
        # A daemon: an interpreter that ends waits for no picture.
        threading.Thread(target=self._serve, daemon=True, name="painter").start()
        atexit.register(self.stop)

    def paint(self, spec: dict[str, Any], *, pixels: bool) -> Future[Picture]:
        """The picture of a Vega-Lite chart, when it is there; as PNG too where `pixels`.

        Raises (what is to be there):
            RuntimeError: the chart could not be painted.
        """
        picture: Future[Picture] = Future()
        self._asked.put((json.dumps([spec, pixels]), picture))
        return picture

    def _serve(self) -> None:
        """Have charts painted as they are asked for, so that who asks need not wait."""
        while True:
            question, picture = self._asked.get()
            try:
                picture.set_result(self._exchange(question))
            except Exception as error:
                picture.set_exception(error)

    def _exchange(self, question: str) -> Picture:
        assert self._process.stdin
        assert self._process.stdout
        reply = ""
        # What it died of stands on stderr; it may have been stopped meanwhile.
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
            reply = self._process.stdout.readline()
        if not reply.endswith("\n"):
            # It ends; until it has, it would pass for alive.
            self._process.kill()
            self._process.wait()
            raise RuntimeError("the process that paints the charts ended; its message stands above")
        svg, png = json.loads(reply)
        return Picture(svg, base64.b64decode(png))

    @property
    def alive(self) -> bool:
        """Whether its process is."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it; what is still to be painted is not. A forked child leaves it to whose it is."""
        if os.getpid() != self._owner:
            return
        atexit.unregister(self.stop)
        self._process.kill()
        self._process.wait()


def ready() -> Painter:
    """The painter of this process, begun if there is none: the sooner, the less is waited for its pictures."""
    with READYING:
        painter = _of(os.getpid())
        if painter.alive:
            return painter
        painter.stop()
        _of.cache_clear()
        return _of(os.getpid())


@functools.cache
def _of(pid: int) -> Painter:
    """The painter of process `pid`: a forked child must not talk into its parent's pipes."""
    return Painter()


def serve() -> None:
    """A painter's whole life: JSON lines [chart, whether as PNG too] in, JSON lines [SVG, PNG in base64] out."""
    import vl_convert

    # Whatever a library prints must not pass for a picture.
    replies, sys.stdout = sys.stdout, sys.stderr
    # V8 starts with the first chart.
    vl_convert.vegalite_to_svg({"data": {"values": []}, "mark": "point"})
    for line in sys.stdin:
        spec, pixels = json.loads(line)
        svg = vl_convert.vegalite_to_svg(spec)
        # What `vegalite_to_png` makes too, without laying the chart out a second time.
        png = vl_convert.svg_to_png(svg, scale=2) if pixels else b""
        print(json.dumps([svg, base64.b64encode(png).decode("ascii")]), file=replies, flush=True)
