"""Problems as odd as people's are, from prepare to measured: choices, dates, and questions that look like templates."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from teaching import teach

from qup import records, settings, study
from qup.backends import BackendSettings, Completion, Message, Sampling
from qup.evals import harness
from qup.evals.cells import Cells
from qup.learner import Learner
from qup.measured import files
from qup.problems import ProblemSettings
from qup.records import Eval, Finish, Problem
from stages import evaluate, measure_base, obtain, prepare, reward_samples, sample

ODD = [
    "{{ x }}",
    "{{ 7 * 7 }}?",
    "{% for x in y %}",
    "{% if x %}1{% endif %}",
    "{# no #} 1",
    "{{ unclosed",
    "}} {{",
    "{% raw %}{{ x }}",
    "{{ self.__init__.__globals__ }}",
    "{0} {} %s %d %(x)s",
    "${HOME} $question $$ $",
    "`ls` $(ls)",
    "\\n \\t \\\\ \\u0041 \\x00",
    "C:\\new\\table",
    "\\begin{aligned} x &= 1 \\\\ y &= 2 \\end{aligned}",
    "a\\",
    "\\",
    "a\tb\nc\n\n\nd",
    "a\r\nb\rc",
    "a\u0085b\u2028c\u2029d",
    "a\x0bb\x0cc\x1cd\x1be",
    "\ufeffa",
    "a\u200bb\u200d\u2060c",
    "\u202eabc\u202c \u2066x\u2069",
    "\u0645\u0627 \u0647\u0648 1 + 1\u061f",
    "\u05de\u05d4 1+1?",
    "e\u0301 \u00e9",
    "\U0001f916 \U0001f9ee",
    "\ufffd \ufffe",
    "Z\u0351\u036b\u0343",
    "\uff11\uff0b\uff11",
    "---\nyaml: [1]",
    "!!python/object:os.system",
    "&a *a",
    "null",
    "~",
    "true",
    "2024-03-05",
    "1e5",
    "[1, 2]",
    '{"a": 1}',
    '"quoted"',
    "'",
    '"',
    "<b>&amp;</b>",
    "<|im_end|>",
    "</s><s>",
    "[INST]",
    "<think>",
    "#### 5",
    "\\boxed{5}",
    "Answer: 5",
    "x" * 3000,
    "-",
    "%",
    "\\{{ x }}",
    "{{'{{'}}",
    "{{ '\\n' }}",
]
"Questions; none of them may be read as anything but a text."


@dataclass
class Noting:
    """Notes what it is asked."""

    chats: list[list[Message]] = field(default_factory=list)

    def generate(
        self, messages: Sequence[list[Message]], sampling: Sampling, ids: Sequence[str], weights: Path | None = None
    ) -> list[Completion]:
        self.chats += messages
        return [Completion("so \\boxed{2}", [], Finish.STOP, 5) for _ in messages]


@pytest.mark.parametrize("prompt", ["boxed", "question"])
def test_a_question_reaches_the_learner_as_it_is_whatever_it_looks_like(prompt: str) -> None:
    noting = Noting()
    learner = Learner(Path("learner"), prompt, BackendSettings())
    vars(learner)["runner"] = noting
    problems = [Problem(f"p{i}", question, "2", "toy") for i, question in enumerate(ODD)]
    done = harness.answers(Cells(learner, None), None, problems, Sampling(0.0, 48, 9), 1)
    assert sorted(doc for doc, _, _ in done) == list(range(len(ODD)))
    assert {chat[0]["content"] for chat in noting.chats} == {learner.ask(question)[0]["content"] for question in ODD}
    assert all(any(question in chat[0]["content"] for chat in noting.chats) for question in ODD)


SOURCES: dict[str, tuple[str | None, list[str]]] = {
    "choices": ("choice", ["A", "(B)", "C.", "d", "Option E", "F"] * 2),
    "dates": (None, [f"2024-03-{i + 1:02d}" for i in range(12)]),
    "times": (None, [f"{i:02d}:30" for i in range(12)]),
    "texts": (
        "exact",
        ["Paris", "a_b", "caf\u00e9", "x y", "None", "true", "1e5", "07", "{}", "null", "NaN", "\u5317\u4eac"],
    ),
}


@pytest.mark.slow
def test_odd_golds_and_questions_go_from_prepare_to_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = []
    for number, (name, (grader, golds)) in enumerate(SOURCES.items()):
        said = [f"{ODD[(12 * number + i) % len(ODD)]} ({name} {i})" for i in range(12)]
        rows = [json.dumps({"question": q, "answer": a}) for q, a in zip(said, golds, strict=True)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows), encoding="utf-8")
        sources.append({"source": "jsonl", "file": f"{name}.jsonl"} | ({"grader": grader} if grader else {}))
    smoke = study.read(Path(__file__).parents[1] / "studies" / "smoke.yaml")
    chosen = settings.read(ProblemSettings, {"sources": sources, "train": 12, "heldout": 24, "sets": {}})
    backend = dataclasses.replace(smoke.backend, max_length=4096)
    sampling = dataclasses.replace(smoke.sampling, n=2, max_tokens=16)
    asked = dataclasses.replace(smoke.evaluation, max_tokens=16)
    rewards = {"answer": smoke.rewards["answer"]}
    chosen_study = dataclasses.replace(
        smoke, problems=chosen, backend=backend, sampling=sampling, evaluation=asked, rewards=rewards, controls={}
    )
    monkeypatch.setattr("stages.cli.start", lambda args: chosen_study)

    def run(stage: Any, **flags: str) -> None:
        stage.main([word for name, value in flags.items() for word in (f"--{name}", str(tmp_path / value))])

    run(prepare, study="s", files=".", out="problems")
    run(obtain, study="s", out="base", cache="cache")
    trained = records.read(tmp_path / "problems" / "train.jsonl", Problem)
    # A study whose learner solves nothing is stopped.
    assert teach(tmp_path / "base" / "learner", [(p.question, f"\\boxed{{{p.answer}}}") for p in trained]) < 0.2
    run(sample, study="s", problems="problems/train.jsonl", models="base", out="traces.jsonl")
    run(evaluate, study="s", problems="problems/evaluation", models="base", out="evals.jsonl", scores="tasks.jsonl")
    own = {"study": "s", "traces": "traces.jsonl"}
    made = {"problems": "problems/train.jsonl", "models": "base", "out": "scores.jsonl", "restyled": "restyled.jsonl"}
    run(reward_samples, **own, **made)
    run(
        measure_base,
        **own,
        problems="problems",
        scores="scores.jsonl",
        restyled="restyled.jsonl",
        evals="evals.jsonl",
        tasks="tasks.jsonl",
        learner="base/learner",
        out="b",
    )
    problems = records.read(tmp_path / "problems" / "evaluation" / "heldout.jsonl", Problem)
    evals = records.read(tmp_path / "evals.jsonl", Eval)
    # Two drawn answers and a greedy one of each.
    assert len(evals) == 3 * len(problems) == 72
    base = files.read_base(tmp_path / "b")
    assert {answers.decoding: answers.answers.sum() for answers in base.answers} == {"sampled": 48, "greedy": 24}
    assert all(answers.problems == sorted(problem.id for problem in problems) for answers in base.answers)
