"""What every process does first: transformers comes without scikit-learn, which stays there for who asks for it."""

import subprocess
import sys

import pytest

BEGUN = "import sys; from qup.lm import starting; starting.begin(); starting.begin(); "
FINDERS = "print(sum(type(finder).__name__ == 'WithoutScikitLearn' for finder in sys.meta_path))"
MODELS = "from transformers import AutoModelForCausalLM, LlamaForCausalLM; print(LlamaForCausalLM.__name__); "
LOADED = "print('sklearn' in sys.modules); "
ASKED = "from sklearn.metrics import roc_curve; print(roc_curve.__name__)"
HARNESS = "from lm_eval.api.metrics import f1_score; print(f1_score([(1, 1), (0, 1)]))"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (FINDERS, ["1"]),
        (MODELS + LOADED + ASKED, ["LlamaForCausalLM", "False", "roc_curve"]),
        (MODELS + HARNESS, ["LlamaForCausalLM", "0.6666666666666666"]),
    ],
    ids=["once", "models", "harness"],
)
def test_a_process_loads_models_without_scikit_learn_and_has_it_all_the_same(code, said) -> None:
    done = subprocess.run([sys.executable, "-c", BEGUN + code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == said


def test_without_that_transformers_loads_it() -> None:
    code = "import sys; " + MODELS + LOADED
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["LlamaForCausalLM", "True"]
