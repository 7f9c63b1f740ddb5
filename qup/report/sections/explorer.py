"""The traces themselves: a few problems, the streams side by side, for people to read."""

from qup.report.explorer import Explorer, html, numbers
from qup.report.view import Section

__all__ = ["Explorer", "numbers", "show"]

TITLE = "Traces to read"
NONE = "The traces were not kept: the study was measured by an earlier version. `dvc repro` measures it anew."


def show(shown: Explorer | None) -> Section:
    """What there is to read and how it was drawn; on the page, the explorer."""
    if shown is None:
        return Section(TITLE, paragraphs=[NONE])
    streams = ", ".join(shown.streams)
    drawn = (
        f"{shown.shown} of the {shown.covered} problems that the streams cover, drawn by their ids alone, so that none "
        f"is there for what became of it; the streams side by side: {streams}."
    )
    marks = (
        "A token is the more shaded the more it surprises the untrained learner. An edit of the draft, the learner's "
        "own sample, is *logic* where it changes an equation, a number or a claim, else *style*, as in the drift split."
    )
    cut = f" {shown.cut} long traces are shown up to a length." if shown.cut else ""
    where = "In index.html they are chosen and ordered."
    return Section(TITLE, paragraphs=[f"{drawn} {where}{cut}", marks], html=html(shown))
