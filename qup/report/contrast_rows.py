"""Contrasts as rows of plain numbers, for `dvc plots diff`: what an experiment did to each difference."""

from collections.abc import Iterable

from qup.records import GREEDY, SAMPLED
from qup.report.numbers import Difference, Missing
from qup.report.plot_rows import Rows, scaled
from qup.report.sections.contrasts import Contrast, Tested

NAME = "contrasts"
"Of the file that holds them."


def contrast_rows(contrasts: Iterable[Contrast]) -> Rows:
    """One point per contrast and decoding, in accuracy points, with the interval that decides, after Holm's correction.

    A difference of one replicate, which has no interval, has its value for both ends.
    """
    return [
        {
            "contrast": contrast.name,
            "oracle": contrast.oracle,
            "panel": f"{contrast.objective.upper()}, {decoding}",
            **scaled(difference.shown, 100),
            "resolved": difference.resolved,
        }
        for contrast in contrasts
        if isinstance(contrast.tested, Tested)
        for decoding, difference in _by_decoding(contrast.tested)
    ]


def _by_decoding(tested: Tested) -> list[tuple[str, Difference]]:
    both = ((SAMPLED, tested.difference), (GREEDY, tested.greedy))
    return [(decoding, each) for decoding, each in both if not isinstance(each, Missing)]
