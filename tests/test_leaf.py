"""What is taken from answers to tasks of lm-eval, and what their documents' gold answers are."""

from types import SimpleNamespace
from typing import Any

import pytest
from toytasks import settings

from qup.errors import SettingsError
from qup.evals import library
from qup.evals.tasks import Answered

# Libraries that lm-eval brings warn at will.
pytestmark = pytest.mark.filterwarnings("ignore")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def answered(name: str | None, responses: list[list[str]]) -> Answered:
    """Answers to a task of lm-eval with its own filters, or with those that lm-eval gives to one without."""
    from lm_eval.filters import build_filter_ensemble

    listed = library.leaves(name)[0].config["filter_list"] if name else None
    default = [{"name": "none", "filter": [{"function": "take_first"}]}]
    ensembles = [
        build_filter_ensemble(
            own["name"],
            [(step["function"], {k: v for k, v in step.items() if k != "function"}) for step in own["filter"]],
        )
        for own in listed or default
    ]
    instances = [SimpleNamespace(doc={}, resps=[], filtered_resps={}) for _ in responses]
    task: Any = SimpleNamespace(instances=instances, _filters=ensembles, config=SimpleNamespace(filter_list=listed))
    return Answered(task, responses)


@pytest.mark.parametrize(
    ("task", "text", "taken"),
    [
        (None, "42", "42"),
        (None, " 42\n", "42"),
        (None, "It is\n42", None),
        (None, "x" * 61, None),
        ("gsm8k", "so\n#### 42", "42"),
        ("gsm8k", "42", "42"),
        ("gsm8k", "no number", None),
        # Its first filter drops space at the start only.
        ("mgsm_direct_en", " The answer is 42.", "42."),
        ("gsm8k_cot_self_consistency", "The answer is 42", "42"),
    ],
)
def test_an_answer_is_what_a_filter_takes_of_it_else_the_whole_of_a_short_one(
    task: str | None, text: str, taken: str | None
) -> None:
    assert answered(task, [[text]]).found() == [taken]


def test_a_task_that_votes_is_asked_for_its_own_repeats_and_not_greedily() -> None:
    name = "gsm8k_cot_self_consistency"
    voting = {"task": name, "data": {"revision": COMMIT}}
    asked = settings("heldout", voting, k=4, greedy=True).asked(["heldout"])[-1]
    assert [(each.name, each.repeats) for each in asked.decodings] == [("sampled", 64)]
    assert settings("heldout", voting | {"k": 64}).asked(["heldout"])[-1].decodings == asked.decodings
    for own in ({"k": 4}, {"k": 1}, {"greedy": True}):
        with pytest.raises(
            SettingsError, match=rf"^tasks\[1\]\.{next(iter(own))}: '{name}' makes one score of its own 64"
        ):
            settings("heldout", voting | own).asked(["heldout"])
