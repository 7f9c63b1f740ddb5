"""The page over all studies, `results/index.html`: one file that loads nothing, made from what Git keeps alone."""

from collections.abc import Sequence
from pathlib import Path

from qup.compare import map_plot, tables
from qup.compare.reading import Published
from qup.report import page

TEMPLATE = Path(__file__).with_name("index.html.jinja")
MAP = (
    "Refined traces against the learner's own: below the dashed line and right of it they look better and train worse. "
    "Points of equal quality step aside each other, by a twentieth of the width at most. What is not replicated has no "
    "interval."
)
TITLE = "Studies of the Quality-Utility Paradox, side by side"


def html(published: Sequence[Published]) -> str:
    """The page; equal reports give equal bytes."""
    drawn, differing = map_plot.draw(published), tables.differing(published)
    others = [*tables.sides(published), tables.streams(), *([differing] if differing else [])]
    return page.render(
        TEMPLATE,
        drawn,
        title=TITLE,
        lead=_lead(published),
        map=MAP,
        answers=tables.answers(published),
        sides=others,
        notes=tables.notes(),
    )


def _lead(published: Sequence[Published]) -> str:
    count = len(published)
    replicated = sum((each.replicates or 1) > 1 for each in published)
    return (
        f"{count} stud{'y' if count == 1 else 'ies'}, {replicated} of them replicated. A verdict is the report's own; "
        "where the interval holds zero, or there is one training set, it names no winner."
    )
