"""A prompt of the learner with a system message: it is asked under it wherever it is asked."""

from pathlib import Path

import pytest
from test_evals import PROBLEMS, RIGHT, Says, evaluated_by

from qup import prompts
from qup.evals import EvaluationSettings, Examinee
from qup.prompts.learner import ask

SYSTEMS = sorted(Path(prompts.__file__).parent.glob("learner/systems/*.txt"))
ASKED = [
    {"role": "system", "content": "You are a helpful assistant."},
    {
        "role": "user",
        "content": "1+1?\nPlease reason step by step, and put your final answer within \\boxed{}.",
    },
]


def test_a_prompt_whose_name_stands_among_the_system_messages_has_that_one() -> None:
    assert ask("qwen_boxed", "1+1?") == ASKED
    assert ask("step_by_step", "1+1?") == ASKED[1:]


@pytest.mark.parametrize("file", SYSTEMS, ids=lambda file: file.stem)
def test_every_system_message_has_its_prompt(file: Path) -> None:
    assert (file.parents[1] / file.name).is_file()


def test_evaluation_asks_under_the_prompts_system_message() -> None:
    says = Says(RIGHT)
    settings = EvaluationSettings(tasks=("heldout",), k=1, greedy=False, prompt="qwen_boxed")
    evaluated_by(says, [Examinee()], {"heldout": PROBLEMS}, settings)
    assert says.chats == [ask("qwen_boxed", problem.question) for problem in PROBLEMS]
