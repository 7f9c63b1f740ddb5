"""Style AUC: how well a classifier that sees style alone tells a stream's traces from the native ones of its problems.

A two-sample test by classification: logistic regression on how often function words, marks and forms of layout come,
how long lines are and which notation is used; no numbers and no signs of operations. It is fitted on four fifths of the
problems and tells the traces of the others, native and not, so that no problem is on both sides. A trace's value is the
share of the native traces told beside it that look more native than it, half of those that look the same: the mean
over a stream is the AUC. 0.5: its style cannot be told from the learner's own. Our own.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT

WORDS = Path(__file__).with_name("_function_words.txt").read_text(encoding="utf-8").split()
"Function words, and the words by which solutions are strung together."
MARKS = tuple(map(re.escape, ".,:;!?|()[]\"'`_#&→"))
LAYOUT = (r"\n\n", r"\*\*", r"^\s*[-*•]\s", r"^\s*\d+[.)]\s", r"^#+ ", r"^[A-Z]", r"^[a-z]")
"Paragraphs, emphasis, lists, headings, how lines begin."
NOTATION = (r"\\boxed", r"\\text", r"\\frac", r"\\times|\\cdot", r"×|·|÷", r"\\\(|\\\[", r"\$", r"\\\\", r"<[a-z]+>")
"Whether they are used at all: how often follows from the sums to be done."
COUNTED, USED = ([re.compile(p, re.MULTILINE) for p in patterns] for patterns in ((*MARKS, *LAYOUT), NOTATION))
FOLDS = 5
FEWEST = 10
"Problems; of fewer nothing is told."


@dataclass(frozen=True, config=STRICT)
class Metric:
    """The place of a trace among the native ones, by how native its style looks."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    iterations: PositiveInt = 1000
    "At most, of the fit."

    def over(self, stream: Sequence[Seen]) -> list[dict[str, float]]:
        """`style_auc`, 0 to 1, of each trace whose problem has a native one; none where fewer than ten have."""
        values: list[dict[str, float]] = [{} for _ in stream]
        rows = [row for row, seen in enumerate(stream) if seen.native is not None]
        groups = [stream[row].problem.id for row in rows]
        if len(set(groups)) < FEWEST:
            return values
        features = np.array(
            [style(stream[row].text) for row in rows] + [style(stream[row].native or "") for row in rows]
        )
        for row, place in zip(rows, self._places(features, groups), strict=True):
            values[row]["style_auc"] = place
        return values

    def _places(self, features: npt.NDArray[np.float64], groups: Sequence[str]) -> list[float]:
        """Each trace's place; `features` are of all traces, then of the native one beside each."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GroupKFold
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from threadpoolctl import threadpool_limits

        count = len(groups)
        foreign = np.repeat([1, 0], count)
        places = np.zeros(count)
        # One thread: how a sum is split would move its last digits.
        with threadpool_limits(1):
            for taught, told in GroupKFold(FOLDS).split(features, foreign, [*groups, *groups]):
                model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=self.iterations))
                # Twins look the same to the last digit: their scores come from one row each.
                looks = np.round(model.fit(features[taught], foreign[taught]).decision_function(features[told]), 6)
                own, native = told < count, looks[told >= count]
                places[told[own]] = [((native < look).mean() + (native <= look).mean()) / 2 for look in looks[own]]
        return [float(place) for place in places]


def style(text: str) -> list[float]:
    """Counts per word, whether notations are used, and the mean and largest length of a line (words, logarithmic)."""
    told = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    lines = [len(line.split()) for line in text.splitlines() if line.strip()] or [0]
    counts = [told[word] for word in WORDS] + [len(mark.findall(text)) for mark in COUNTED]
    used = [float(mark.search(text) is not None) for mark in USED]
    size = 1 + told.total()
    rates = [count / size for count in counts]
    return [*rates, *used, float(np.log1p(np.mean(lines))), float(np.log1p(max(lines)))]
