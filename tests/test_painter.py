"""The process that paints charts: one for all, beside this one, begun again where it died."""

import os
import re
import signal

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


def test_a_chart_that_cannot_be_painted_is_an_error_with_a_reason_and_the_next_report_has_a_new_painter(
    monkeypatch, capfd
) -> None:
    painter._of.cache_clear()
    first = painter.ready()
    assert painter.ready() is first
    with pytest.raises(RuntimeError, match="the process that paints the charts ended; its message stands above"):
        first.paint({"data": 3, "mark": {}}, pixels=False).result()
    assert "ValueError" in capfd.readouterr().err
    first._process.wait()
    second = painter.ready()
    assert second is not first
    assert second.paint(CHART, pixels=False).result().svg


def test_a_painter_that_is_killed_does_not_keep_the_report_waiting(own) -> None:
    assert own.paint(CHART, pixels=False).result().svg
    os.kill(own._process.pid, signal.SIGKILL)
    own._process.wait()
    with pytest.raises(RuntimeError, match="ended"):
        own.paint(CHART, pixels=False).result()
    assert not own.alive
