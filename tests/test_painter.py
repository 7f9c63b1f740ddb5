"""The process that paints charts: one for all, beside this one, begun again where it died."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qup.report import painter

CHART = {"data": {"values": [{"a": 1}]}, "mark": "bar", "encoding": {"x": {"field": "a", "type": "quantitative"}}}


@pytest.fixture
def own():
    """A painter that no other test has."""
    each = painter.Painter()
    yield each
    each.stop()


def test_a_chart_becomes_a_picture_and_pixels_only_where_asked_for(own) -> None:
    plain, sharp = own.paint(CHART, pixels=False).result(), own.paint(CHART, pixels=True).result()
    assert plain.svg == sharp.svg
    assert re.match(r"<svg\b.*</svg>$", plain.svg, re.DOTALL)
    assert (plain.png, sharp.png[:8]) == (b"", b"\x89PNG\r\n\x1a\n")


def test_pictures_are_their_own_charts_in_whatever_order_they_are_asked_for(own) -> None:
    charts = [CHART | {"title": f"chart {i}"} for i in range(5)]
    pictures = [own.paint(chart, pixels=False) for chart in charts]
    found = [re.findall(r"chart \d", picture.result().svg)[-1] for picture in reversed(pictures)]
    assert found == [f"chart {i}" for i in (4, 3, 2, 1, 0)]


def test_a_chart_that_cannot_be_painted_is_an_error_with_a_reason(capfd) -> None:
    # Begun here, where what it complains of is caught.
    own = painter.Painter()
    with pytest.raises(RuntimeError, match="the process that paints the charts ended; its message stands above"):
        own.paint({"data": 3, "mark": {}}, pixels=False).result()
    assert "ValueError" in capfd.readouterr().err
    own.stop()


def test_the_next_report_has_a_new_painter_where_one_died() -> None:
    first = painter.ready()
    assert painter.ready() is first
    with pytest.raises(RuntimeError, match="ended"):
        first.paint({"data": 3, "mark": {}}, pixels=False).result()
    second = painter.ready()
    assert second is not first
    assert second.paint(CHART, pixels=False).result().svg


@pytest.mark.skipif(sys.platform != "linux", reason="another process' environment can be read")
def test_the_fonts_of_the_machine_are_not_looked_at(own) -> None:
    environment = Path(f"/proc/{own._process.pid}/environ").read_bytes().decode().split("\0")
    assert [f"{name}={value}" in environment for name, value in painter.FONTS.items()] == [True]


def test_an_interpreter_that_ends_waits_for_no_picture() -> None:
    code = (
        "from qup.report.painter import ready; [ready().paint({'mark': 'bar'}, pixels=True) for _ in range(2000)]; 1/0"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=20)
    assert "ZeroDivisionError" in done.stderr


def test_a_process_without_standard_input_has_charts_painted() -> None:
    code = f"from qup.report.painter import ready; print(ready().paint({CHART!r}, pixels=False).result().svg[:4])"
    command = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(code)} <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "<svg\n", done.stderr


def test_a_forked_child_leaves_the_painter_to_its_parent(own) -> None:
    if (child := os.fork()) == 0:
        own.stop()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert own.paint(CHART, pixels=False).result().svg


def test_a_painter_that_is_killed_does_not_keep_the_report_waiting(own) -> None:
    assert own.paint(CHART, pixels=False).result().svg
    os.kill(own._process.pid, signal.SIGKILL)
    own._process.wait()
    with pytest.raises(RuntimeError, match="ended"):
        own.paint(CHART, pixels=False).result()
    assert not own.alive
