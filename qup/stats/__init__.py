"""Intervals, tests and effect sizes: arrays in, `Estimate` out.

`Crossed` is a mean over problems and replicates, `mean`, `ratio` and `median` are over problems alone, `judge` says
which of a family of estimates are resolved, `equivalence` which are too small to matter.
"""

from qup.stats.bootstrap import Bootstrap, Draws
from qup.stats.crossed import Crossed, two_parts
from qup.stats.estimates import Estimate, ReportSettings, mde, t_interval
from qup.stats.family import Equivalence, Judged, equivalence, holm, judge, levels
from qup.stats.means import mean, median, ratio
from qup.stats.paradox import Case, Index, discordance, gaps, paradox_index
from qup.stats.perceived import (
    Adjusted,
    Sensitivity,
    concordance,
    length_adjusted,
    sensitivity,
    stream_concordance,
    win_share,
    within_problem_z,
)
from qup.stats.ranks import midranks, spearman, tau
from qup.stats.spread import ZERO, Array, Spread
from qup.stats.validity import auc, panel

__all__ = [
    "ZERO",
    "Adjusted",
    "Array",
    "Bootstrap",
    "Case",
    "Crossed",
    "Draws",
    "Equivalence",
    "Estimate",
    "Index",
    "Judged",
    "ReportSettings",
    "Sensitivity",
    "Spread",
    "auc",
    "concordance",
    "discordance",
    "equivalence",
    "gaps",
    "holm",
    "judge",
    "length_adjusted",
    "levels",
    "mde",
    "mean",
    "median",
    "midranks",
    "panel",
    "paradox_index",
    "ratio",
    "sensitivity",
    "spearman",
    "stream_concordance",
    "t_interval",
    "tau",
    "two_parts",
    "win_share",
    "within_problem_z",
]
