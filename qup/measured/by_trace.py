"""What a measured arm sums over a problem's traces, a trace: beside values that are means of them, and other arms' own.

Arms may have other numbers of traces of a problem (`streams.per_problem`, failed and repeated ones): sums tell of these
first, and of the traces second.
"""

import numpy as np

from qup.measured import Measured
from qup.measured.answers import Column


def counts(arm: Measured) -> Column:
    """Traces of each problem, NaN where there is none."""
    own = arm.trace_counts or [int(trace is not None) for trace in arm.traces]
    return np.array([count or np.nan for count in own], dtype=np.float64)


def tokens(arm: Measured) -> Column:
    """Completion tokens of a trace, mean over each problem's."""
    return arm.tokens / counts(arm)


def nll(arm: Measured) -> Column:
    """-log p of a trace under the untrained learner, nats, mean over each problem's."""
    return arm.nll / counts(arm)
