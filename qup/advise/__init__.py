"""Which of some streams of traces to train a learner on, from one forward pass over each: no training, no DVC.

Streams are compared on the problems that they share. The rule, and how often it was right, come from the published
studies (`record.json`, which `make foresight` writes); where that record or these traces tell nothing apart there is no
pick. Nothing of what is read leaves the machine.

>>> advice = advise(Asked("~/models/mine", ("rft.jsonl", "refined.jsonl")))  # doctest: +SKIP
>>> advice.verdict.pick  # doctest: +SKIP
'rft'
"""

from qup.advise.asked import Asked
from qup.advise.made import Advice, advise

__all__ = ["Advice", "Asked", "advise"]
