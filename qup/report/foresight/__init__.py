"""Foresight: which number that is known before training tells which of two streams trains the better learner.

A *race* is some arms that one learner was trained on under one recipe: same problems to draw from, replicates, budget.
What a metric is worth is how often it picks the better of two arms of a race, where the difference of their utilities
is resolved; length alone, which knows nothing of the learner, is what it has to beat.

>>> races = of_study("glassbox", evidence)  # doctest: +SKIP
>>> rates = pick_rates([pair for race in races for pair in race.pairs], Bootstrapped(races))  # doctest: +SKIP
>>> rates["ppl"].lower  # doctest: +SKIP
Rate(value=0.86, low=0.6, high=1.0, pairs=22, races=5)
"""

from qup.report.foresight.draws import Bootstrapped, Rate
from qup.report.foresight.picks import LENGTH, PROXY, Pick, Rule, pick_rates, rule
from qup.report.foresight.races import Entry, Pair, Race, of_study
from qup.report.foresight.ranks import Rank, correlations

__all__ = [
    "LENGTH",
    "PROXY",
    "Bootstrapped",
    "Entry",
    "Pair",
    "Pick",
    "Race",
    "Rank",
    "Rate",
    "Rule",
    "correlations",
    "of_study",
    "pick_rates",
    "rule",
]
