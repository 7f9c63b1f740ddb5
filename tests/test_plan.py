"""What `qup plan` counts is what the stages ask: the records that each must hold, by `qup.records.due`."""

import dataclasses
import json
import math
import os
import platform
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from qup import plan, records, settings, study
from qup.arms import Arm
from qup.compat import Pass, shares
from qup.errors import SettingsError
from qup.evals.settings import LOGLIKELIHOOD, Decoding
from qup.models.random import Model
from qup.plan import calibration, lengths, masks, money, needs, speeds, tokens, trials, view
from qup.plan.changes import Status
from qup.plan.counts import Counting
from qup.plan.exams import CHOICES, UNKNOWN, Exam, exams
from qup.plan.machine import DEFAULT, LARGE, here, named, tables
from qup.plan.oracle_calls import asked_of
from qup.plan.planner import Asked, Planner
from qup.plan.runs import History
from qup.plan.shapes import Shape, of_name, shapes
from qup.plan.spans import Span, about, exactly
from qup.plan.spending import spent
from qup.plan.work import Kind, Load, Stage, Work
from qup.prompts.learner import ask
from qup.records import TRAIN, Finish, Problem, Refined, Trace, Verdict, due
from qup.study import Study
from qup.training.examples import Example, schedule
from qup.training.settings import Budget, Probes, TrainingSettings

ROOT = Path(__file__).resolve().parents[1]
TINY = "glassbox-tiny"
NOWHERE = Path("nowhere")


@dataclasses.dataclass(frozen=True)
class Drawn:
    """The shrunken glass box with samples that were drawn by rule, as its stages would leave them on disk."""

    study: Study
    problems: list[Problem]
    traces: list[Trace]
    stages: dict[str, Stage]

    def stream(self, arm: Arm) -> list[Refined]:
        own = records.of_set(self.problems, arm.training_set)
        return [
            Refined(problem, replicate, stratum, "text", "changed", 0, 1, 1, Verdict.CORRECT)
            for problem, replicate, stratum, _ in due.stream(own, self.traces, arm.scope)
        ]

    def runs(self, arm: Arm) -> list[Any]:
        return due.runs(self.stream(arm), arm.training.objective_names)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    own, data = study.read(ROOT / "studies" / f"{TINY}.yaml"), tmp_path_factory.mktemp("data")
    sets, first, problems = [TRAIN, *own.problems.training_sets], 1, []
    for name in sets:
        for replicate in range(first, first + own.problems.replicates):
            count = own.problems.train
            ids = [f"{name}{replicate}-{i}" for i in range(count)]
            problems += [Problem(i, "b is + a 1", "2", "toy", replicate=replicate, training_set=name) for i in ids]
        first += own.problems.replicates
    traces = [trace(problem, place, index) for place, problem in enumerate(problems) for index in range(own.sampling.n)]
    records.write(data / "problems" / "train.jsonl", problems)
    records.write(data / "traces.jsonl", traces)
    seen = lengths.of_study(own, data, NOWHERE)
    stages = Counting(own, seen, NOWHERE, "hf").stages(list(own.main_arms(["home"]).values()))
    return Drawn(own, problems, traces, {stage.name: stage for stage in stages})


def trace(problem: Problem, place: int, index: int) -> Trace:
    """Every third problem is solved by its last sample; of the others every fifth has all samples cut."""
    verdict = Verdict.CORRECT if place % 3 == 0 and index == 3 else Verdict.WRONG
    finish = Finish.LENGTH if place % 5 == 1 and place % 3 else Finish.STOP
    verdict = Verdict.TRUNCATED if finish is Finish.LENGTH else verdict
    return Trace(problem.id, index, "so b is 2", 10 + place % 7, finish, "2", verdict)


def test_sampling_is_n_answers_of_every_training_problem_of_every_set(drawn: Drawn) -> None:
    asked = due.traces(drawn.problems, drawn.study.sampling.n)
    assert drawn.stages["sample"].generations == exactly(len(asked))


def test_evaluation_is_k_drawn_answers_and_a_greedy_one_of_each_learner_to_each_problem(drawn: Drawn) -> None:
    own = drawn.study
    counts = {"heldout": own.problems.heldout, "longer": own.problems.sets["longer"].count}
    tasks = {task: [Problem(f"{task}{i}", "?", "2", "toy") for i in range(n)] for task, n in counts.items()}
    repeats = {task: {"sampled": own.evaluation.k, "greedy": int(own.evaluation.greedy)} for task in tasks}
    base = due.answers([(records.BASE, 0)], tasks, repeats)
    assert drawn.stages["baseline"].generations == exactly(len(base))
    arm = own.main_arm("home", "style_aligned")
    answers = due.answers(drawn.runs(arm), tasks, repeats)
    assert drawn.stages["evaluate@home-style_aligned"].generations == exactly(len(answers))


def test_further_arms_answer_the_main_task_alone(drawn: Drawn) -> None:
    own, heldout = drawn.study, [Problem(f"h{i}", "?", "2", "toy") for i in range(drawn.study.problems.heldout)]
    repeats = {"heldout": {"sampled": own.evaluation.k, "greedy": int(own.evaluation.greedy)}}
    arms = own.further.values()
    answers = [key for arm in arms for key in due.answers(drawn.runs(arm), {"heldout": heldout}, repeats)]
    assert drawn.stages["further"].generations == exactly(len(answers))


def test_a_task_with_settings_of_its_own_is_asked_by_them_and_a_published_set_has_the_rows_of_its_file() -> None:
    own = study.read(ROOT / "studies" / "qwen2.5-math-7b.yaml")
    asked = {exam.task: exam for exam in exams(own, NOWHERE)}
    assert asked["math500"].problems == exactly(500)
    assert asked["aime24"].answers == exactly(30 * (16 + 1))
    given = settings.read_yaml(ROOT / "studies" / "glassbox-tiny.yaml")
    given["evaluation"]["tasks"] = ["heldout", {"task": "longer", "k": 5, "greedy": False, "max_tokens": 9}]
    own = settings.read(Study, given)
    (longer,) = [exam for exam in exams(own, NOWHERE) if exam.task == "longer"]
    assert longer.answers == exactly(16 * 5)
    assert [decoding.max_tokens for decoding in longer.decodings] == [9]


def test_a_task_of_lm_eval_has_the_problems_that_were_prepared_and_none_known_before(tmp_path: Path) -> None:
    pins = {split: {"file": f"{split}.jsonl", "sha256": "0" * 64} for split in ("test", "train")}
    given = settings.read_yaml(ROOT / "studies" / "smoke.yaml")
    given["evaluation"]["tasks"] = ["heldout", {"task": "gsm8k", "data": pins}]
    own, folder, checks = settings.read(Study, given), tmp_path / "evaluation", tmp_path / "checks.json"
    for text in (None, "{", "[]", '{"evaluation": {"gsm8k": 3}}'):
        if text is not None:
            checks.write_text(text)
        assert exams(own, folder)[1].problems == UNKNOWN
    checks.write_text(json.dumps({"evaluation": {"heldout": {"count": 99}, "gsm8k": {"count": 1319}}}))
    heldout, gsm8k = exams(own, folder)
    assert (heldout.problems, gsm8k.problems) == (exactly(own.problems.heldout), exactly(1319))
    # Five examples, each about a question and an answer, stand before a question.
    assert (heldout.shots, gsm8k.shots) == (0, 5)
    (work, *_) = Counting(own, lengths.Lengths("toy", exactly(20), (10,)), folder, "hf")._exam(gsm8k, learners=1)
    assert work.prompt.mid == pytest.approx(work.items.mid * (20 + 5 * (20 + 10)))
    assert work.prompt.low < work.prompt.mid < work.prompt.high


def test_a_set_or_task_of_a_file_that_is_here_has_its_rows_before_anything_was_prepared(tmp_path: Path) -> None:
    files = tmp_path / "problems"
    files.mkdir()
    pins = {split: {"file": f"{split}.jsonl", "sha256": "0" * 64} for split in ("test", "train")}
    own = [{"source": "jsonl", "file": "own.csv", "first": 2}, {"source": "jsonl", "file": "own.csv"}]
    given = settings.read_yaml(ROOT / "studies" / "smoke.yaml")
    given["problems"]["sets"] = {"own": {"sources": own}}
    given["evaluation"]["tasks"] = ["heldout", "own", {"task": "gsm8k", "data": pins}]

    def counts() -> list[Span]:
        return [exam.problems for exam in exams(settings.read(Study, given), tmp_path / "a" / "b" / "evaluation")[1:]]

    assert counts() == [UNKNOWN, UNKNOWN]
    (files / "own.csv").write_text("question,answer\n1 + 1,2\n1 + 2,3\n1 + 3,4\n")
    (files / "train.jsonl").write_text('{"question": "a"}\n' * 9)
    (files / "test.jsonl").write_text('{"question": "a"}\n' * 7)
    assert counts() == [exactly(2 + 3), exactly(7)]
    # A file that a stage will refuse tells nothing.
    (files / "test.jsonl").write_text("{")
    assert counts()[1] == UNKNOWN


@pytest.mark.parametrize(
    ("pinned", "rows"), [({"file": "svamp.jsonl", "sha256": "0" * 64}, 1000), ({"revision": "0" * 40}, 300)]
)
def test_a_file_of_a_hash_that_is_not_known_has_the_rows_of_the_sets_file_and_not_of_the_hub(
    pinned: dict[str, str], rows: int
) -> None:
    given = settings.read_yaml(ROOT / "studies" / "glassbox-tiny.yaml")
    given["problems"]["sets"] = {"svamp": {"sources": [{"source": "benchmark", "set": "svamp", **pinned}]}}
    given["evaluation"]["tasks"] = ["heldout", "svamp"]
    asked = {exam.task: exam for exam in exams(settings.read(Study, given), NOWHERE)}
    assert asked["svamp"].problems == exactly(rows)


def test_given_texts_that_a_task_scores_are_no_generations(drawn: Drawn) -> None:
    exam = Exam("arc_easy", exactly(10), (Decoding(LOGLIKELIHOOD, 1, 0.0, 0),))
    assert exam.answers == exactly(0)
    counting = Counting(drawn.study, lengths.Lengths("toy", exactly(20)), NOWHERE, "hf")
    (work,) = counting._exam(exam, learners=3)
    assert (work.kind, work.items) == (Kind.SCORE, exactly(10 * CHOICES * 3))


def test_a_stream_has_a_trace_per_problem_within_its_scope_that_has_a_draft(drawn: Drawn) -> None:
    scored = drawn.stages["further"].works
    for arm in drawn.study.further.values():
        stream = len(drawn.stream(arm))
        assert any(work.kind is Kind.SCORE and work.items == exactly(stream) for work in scored), arm.name
    native = len(drawn.stream(drawn.study.native))
    # One pass over the trace, a few for a share of the problems; native traces are scored once, by the native arm.
    assert drawn.stages["compat@home-restyled"].sum(Kind.SCORE).mid == pytest.approx(native * passes(drawn.study))


def passes(own: Study) -> float:
    return 1 + sum(share for name, share in shares(own.compat.values()).items() if name is not Pass.NATIVE)


def test_a_plan_counts_the_traces_over_which_learners_before_and_after_are_compared(drawn: Drawn) -> None:
    def probed(divergence: int) -> Span:
        own = dataclasses.replace(drawn.study.training, probes=Probes(count=3, traces=2, ends=4, divergence=divergence))
        counting = Counting(drawn.study, lengths.Lengths("toy", exactly(20)), NOWHERE, "hf")
        return counting._probes(own, exactly(10), exactly(9), exactly(20), runs=5, replicates=3).items

    # Twenty traces are held out. Two kinds: 4 at each end and 2 between; then 7 by either learner, all of five runs.
    assert probed(0) == exactly((4 + 4 + 2) * 2 * 5)
    assert probed(7) == exactly((4 + 4 + 2) * 2 * 5 + 7 * 2 * 5)
    assert probed(64) == exactly((4 + 4 + 2) * 2 * 5 + 20 * 2 * 5)


def test_rewards_are_tried_on_the_first_samples_of_the_main_set(drawn: Drawn) -> None:
    tried = due.tried(drawn.problems, drawn.traces)
    judged, restyled = (work.items for work in drawn.stages["reward-samples"].works)
    assert judged == exactly(len(tried))
    # Traces of the glass box have one restyle, and one sample of a problem is restyled, of at most 60.
    problems = min(60, len({trace.problem_id for trace in tried}))
    assert restyled == Span(0, problems, problems)


@pytest.mark.parametrize("batch", [3, 8])
@pytest.mark.parametrize(
    "budget", [Budget(epochs=2), Budget(epochs=0.5), Budget(tokens=100), Budget(tokens=777), Budget(steps=4)]
)
def test_a_run_trains_as_many_steps_and_tokens_as_its_budget_has(budget: Budget, batch: int) -> None:
    """Traces of 10 tokens, 20 of them: what `schedule` lays out, counted without laying it out."""
    settings = TrainingSettings(budget, batch=batch)
    traces = [Example([0] * 15, [-100] * 5 + [0] * 10, truncated=False)] * 20
    plan = schedule(traces, settings, seed=1)
    steps, items, tokens = spent(settings, exactly(20), exactly(10))
    assert steps == exactly(len(plan))
    assert items.mid == pytest.approx(sum(map(len, plan)))
    trained = 10 * sum(map(len, plan))
    assert tokens.low <= trained <= tokens.high
    if budget.tokens:
        assert tokens.high < budget.tokens + 10 * batch + 1


def test_who_asks_an_oracle_is_found_by_letting_the_refiner_ask() -> None:
    asked = {refiner: asked_of(settings.load("refiners", refiner)()) for refiner in settings.names("refiners")}
    once = {name: each.prompts for name, each in asked.items()}
    assert once["oracle_refined"] == once["masked"] == {"repair_prompt": exactly(1)}
    assert once["style_aligned"] == {"keep_style_prompt": exactly(1)}
    assert once["restyled"] == {"restyle_prompt": exactly(1)}
    assert once["oracle_synthesized"] == {"solve_prompt": exactly(1)}
    for name in ("rejection_sampling", "unfiltered", "reference", "grape", "best_reward"):
        assert once[name] == {}, name
    assert asked["oracle_refined"].written == asked["oracle_refined"].scored == exactly(0)


def test_what_a_refiner_asks_is_a_span_where_it_depends_on_the_draft_or_on_a_solution() -> None:
    """Of four kinds of draft, solved or failed, with a solution or without."""
    asked = {name: asked_of(settings.load("refiners", name)(), samples=4) for name in settings.names("refiners")}
    # Without a solution the Oracle writes the hint.
    assert asked["hinted"].prompts == {"solve_prompt": Span(0, 0.5, 1)}
    assert asked["hinted"].written == asked["masked"].scored == exactly(1)
    # Only failed ones are solved again, and the silent learner fails: the guide, or the Oracle instead of it, is asked.
    assert asked["guided"].written == asked["guided"].prompts["solve_prompt"] == Span(0, 0.5, 1)
    assert asked["grape"].scored == asked["best_reward"].judged == Span(0, 2, 4)


def paid(price: dict[str, float] | None, budget: int = 10**9) -> tuple[Study, dict[str, Stage]]:
    """The smoke study with an endpoint as its Oracle, all problems drafted."""
    given = settings.read_yaml(ROOT / "studies" / "smoke.yaml")
    api = {"model": "big", "base_url": "https://example.org/v1", "budget": budget, "price": price}
    given["oracles"]["home"] = {"oracle": "prompted", "api": api, "max_tokens": 100}
    own = settings.read(Study, given)
    seen = lengths.Lengths("toy", exactly(50), (80,) * 8, 96, 3.0, {TRAIN: (8, 6, 2)}, whole=True)
    stages = Counting(own, seen, NOWHERE, "hf").stages(list(own.main_arms(["home"]).values()))
    return own, {stage.name: stage for stage in stages}


def test_tokens_that_a_mask_leaves_out_are_no_part_of_a_budget_and_cost_time(tmp_path: Path) -> None:
    """Traces of 20 tokens, 15 of which are trained on: 600 tokens are 40 traces, 10 steps of 4, which compute 800."""
    own = study.read(ROOT / "studies" / f"{TINY}.yaml")
    arm, data = own.main_arm("home", "masked"), tmp_path / "data"
    training = arm.training.changed({"batch": 4, "micro_batch": None, "budget": {"tokens": 600}, "objectives": ["sft"]})
    arm = dataclasses.replace(arm, training=training)
    counting = Counting(own, lengths.Lengths("toy", exactly(9), (20,)), data / "problems" / "evaluation", "hf")
    unmasked = dataclasses.replace(own.main_arm("home", "oracle_refined"), training=training)
    assert masks.kept(own, unmasked, data) == masks.ALL
    assert masks.kept(own, arm, data) == masks.KEPT

    (stream := data / "arms" / "home" / "masked" / "stream.jsonl").parent.mkdir(parents=True)
    given: list[Any] = [{"tokens": 12, "left_out": [3]}, None, {"tokens": 8, "left_out": [0, 1, 2, 5]}]
    stream.write_text("".join(json.dumps({"text": "so", "mask": mask}) + "\n" for mask in given))
    assert masks.kept(own, arm, data) == exactly(15 / 20)
    trained, plain = (counting._training(each)[0] for each in (arm, unmasked))
    runs = own.problems.replicates
    assert (trained.passes.mid, plain.passes.mid) == (10 * runs, math.ceil(600 / (4 * 20)) * runs)
    assert trained.masked.mid == pytest.approx(10 * 4 * 5 * runs)
    assert plain.masked == exactly(0)
    # Computed is all of a trace with its question, but for half a step by which a budget is overrun.
    over = 4 * 15 / 2 * runs
    assert trained.computed.mid == pytest.approx((10 * 4 * (9 + 20) * runs + over) * trained.padding)
    stream.write_text("{")
    assert masks.kept(own, arm, data) == masks.KEPT


def test_what_training_says_in_a_calibration_is_not_in_the_plan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def model(*_: object) -> Path:
        print("{'loss': '5.658'}")
        raise SettingsError("enough")

    monkeypatch.setattr(calibration, "_model", model)
    monkeypatch.setattr(calibration.workers, "limit", lambda _: None)
    with pytest.raises(SettingsError, match="enough"):
        calibration.measure(study.read(ROOT / "studies" / "smoke.yaml"), NOWHERE, 1, 1)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "{'loss': '5.658'}\n")


def test_an_endpoints_cost_is_its_tokens_by_its_prices() -> None:
    own, stages = paid({"prompt": 2.0, "completion": 8.0})
    stage = stages["refine@home-oracle_refined"]
    (call,) = stage.works
    # Eight drafts; one more call for each at most, as the study's `retries` has it.
    assert (call.kind, call.items.low, call.items.high) == (Kind.CALL, 8, 16)
    cost = money.of(own, stage)
    assert cost is not None
    assert cost.mid == pytest.approx(call.prompt.mid * 2e-6 + call.completion.mid * 8e-6)
    assert call.completion.mid == pytest.approx(call.items.mid * 80)
    assert money.of(own, stages["sample"]) == exactly(0)


def test_without_a_price_tokens_alone_are_told_and_a_budget_that_will_not_do_is() -> None:
    own, stages = paid(None, budget=1000)
    assert money.of(own, stages["refine@home-oracle_refined"]) is None
    (note,) = money.notes(own, list(stages.values()))
    assert "more than its budget of 1,000" in note


def test_a_size_is_read_off_a_name_and_an_unknown_one_is_none() -> None:
    sizes = {
        "Qwen/Qwen2.5-Math-1.5B": 1.5e9,
        "deepseek-ai/deepseek-math-7b-base": 7e9,
        "a/SmolLM2-135M-Instruct": 135e6,
    }
    for name, parameters in sizes.items():
        shape = of_name(name)
        assert shape is not None
        assert shape.parameters == parameters
    mixture = of_name("Qwen/Qwen3-30B-A3B")
    assert mixture is not None
    assert (mixture.parameters, mixture.active) == (30e9, 3e9)
    assert of_name("microsoft/phi-4") is None
    assert of_name("Qwen2.5-Math") is None


def test_a_learner_that_the_study_makes_is_as_large_as_its_settings_say_whatever_an_earlier_run_left(
    tmp_path: Path,
) -> None:
    (tmp_path / "learner").mkdir()
    config = {"hidden_size": 999, "num_hidden_layers": 9, "num_attention_heads": 9}
    (tmp_path / "learner" / "config.json").write_text(json.dumps(config))
    sizes = shapes(study.read(ROOT / "studies" / "glassbox.yaml"), tmp_path)
    assert [shape and shape.hidden for shape in sizes.values()] == [160, 160]
    other = shapes(study.read(ROOT / "studies" / "qwen2.5-coder-0.5b.yaml"), tmp_path)["learner"]
    assert other is not None
    assert other.hidden == 999


def test_full_training_of_seven_billion_does_not_fit_one_gpu_and_an_adapter_does() -> None:
    """16 bytes a parameter: 112 GB before any activation; an adapter leaves 14 GB of bfloat16."""
    seven = Shape(7e9, 28, 3584, 28672, 152_000, "toy")
    full = TrainingSettings(Budget(epochs=1), method="full")
    assert needs.training(seven, full, tokens=0) == 112e9
    lora = dataclasses.replace(full, method="lora")
    assert needs.training(seven, lora, tokens=0) < 16e9
    # Activations of a token: 28 layers x 3584 x 34 bytes, and its logits.
    token = needs.training(seven, full, tokens=1) - 112e9
    assert token == pytest.approx(28 * 3584 * 34 + 152_000 * 8)


def toy_speed(cores: int = 2, device: str | None = None) -> speeds.Speed:
    machine = dataclasses.replace(named(device or "cpu", 1), cores=cores)
    small = Shape(1e6, 4, 128, 1024, 110, "toy")
    rate = speeds.Rate(exactly(1.0), exactly(0.5), exactly(0.0))
    loads = {load: exactly(5.0) for load in Load}
    rates = speeds.Scaled(dict.fromkeys(speeds.WORK, rate), small)
    return speeds.Speed("toy", machine, loads, loads, rates, {"learner": small})


def test_decoding_on_an_accelerator_reads_all_weights_a_pass_and_scoring_none() -> None:
    """A model of 3.35 GB on an H100, whose memory gives 3,350 GB a second: a millisecond at the peak."""
    shape = Shape(3.35e9 / 2, 10, 100, 0, 0, "toy")
    device = named("H100", 1).device
    assert device is not None
    rates = speeds.Peak(device, "bfloat16", context=0)
    share = tables()["utilisation"]["bandwidth"]
    assert rates.of(Kind.GENERATE, shape).step.mid == pytest.approx(0.001 / share[1])
    assert rates.of(Kind.SCORE, shape).step == exactly(0)
    # Training is forward and backward, each token; a packed model is read faster.
    used = tables()["utilisation"]["train"][1]
    assert rates.of(Kind.TRAIN, shape).token.mid == pytest.approx(3 * shape.flops / (989e12 * used))
    packed = dataclasses.replace(shape, packed=0.5)
    assert rates.of(Kind.GENERATE, packed).step.mid == pytest.approx(0.001 / share[1] / 4)


def test_jobs_are_dealt_to_processes_as_the_stages_deal_them() -> None:
    """Three runs of 10 passes on two processes: the one with two runs takes 2 x (1 + 5) seconds after its start."""
    work = Work(Kind.TRAIN, "learner", exactly(30), passes=exactly(30), begun=exactly(3))
    stage = Stage("train", (Load.TRAINER,), (work,), jobs=3)
    assert toy_speed().seconds(stage, threads=1).mid == pytest.approx(5 + 2 * 6)
    assert toy_speed().seconds(stage, threads=None).mid == pytest.approx(5 + 3 * 6)
    assert toy_speed(cores=1).seconds(stage, threads=1).mid == pytest.approx(5 + 3 * 6)


def test_what_a_stage_took_before_wins_then_others_of_its_kind_then_the_rule() -> None:
    rule = exactly(10.0)
    history = History({"train@a": 20.0, "report": 1.0}, {"train@a": rule, "report": rule}, {"sample": [3.0]})

    def of(name: str, calibrated: bool = False) -> tuple[float, str]:
        made = history.corrected(Stage(name, (Load.NOTHING,)), rule, "assumed", calibrated=calibrated)
        return made.seconds.mid, made.source

    assert of("train@a") == (20.0, "measured here")
    # Twice what the rule says, as its like took.
    assert of("train@b")[0] == 20.0
    assert of("sample") == (30.0, "by other studies, measured here")
    assert of("sample", calibrated=True) == (10.0, "assumed")
    assert of("evaluate@a") == (10.0, "assumed")


def test_a_large_model_on_a_machine_without_gpu_is_planned_for_one_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qup.plan.machine.accelerators", list)
    assert here(2e6, "auto").device is None
    assumed = here(7e9, "auto")
    assert assumed.device is not None
    assert "no accelerator here" in assumed.why
    assert here(2e6, "vllm").device is not None


def test_an_accelerator_is_known_by_what_nvidia_calls_it_and_another_is_said_to_be_assumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def seen(*names: str) -> tuple[str, str]:
        monkeypatch.setattr("qup.plan.machine.accelerators", lambda: list(names))
        made = here(2e6, "auto")
        return made.label, made.why

    assert seen("NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB") == ("2 x A100", "this machine")
    assert seen("NVIDIA A100-SXM4-40GB")[0] == "1 x A100-SXM4-40GB"
    assert seen("NVIDIA H100 PCIe")[0] == "1 x H100 PCIe"
    assert seen("NVIDIA GeForce RTX 4090")[0] == "1 x RTX 4090"
    label, why = seen("NVIDIA Quadro 9")
    assert label == f"1 x {DEFAULT}"
    assert "NVIDIA Quadro 9" in why


@pytest.mark.parametrize("name", ["NVIDIA L40", "NVIDIA T400 4GB", "NVIDIA GH200 480GB", "GRID A100D-10C"])
def test_a_name_that_only_holds_one_of_the_table_is_not_that_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qup.plan.machine.accelerators", lambda: [name])
    assert name in here(2e6, "auto").why


def test_a_driver_that_hangs_is_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("qup.plan.machine.PATIENCE", 0.1)
    with pytest.raises(SettingsError, match="has not answered in"):
        here(2e6, "auto")


def test_a_span_keeps_its_order_and_an_unknown_accelerator_is_a_line() -> None:
    with pytest.raises(ValueError, match="low <= mid <= high"):
        Span(2, 1, 3)
    # Two factors of two either way are one of 2 ^ sqrt(2), and an exact one widens nothing.
    product = about(10, 0.5, 2) * about(3, 0.5, 2)
    assert (product.mid, product.high) == (30, pytest.approx(30 * 2 ** (2**0.5)))
    assert about(10, 0.5, 2) * exactly(3) == Span(15, 30, 60)
    assert Span(0, 1, 2) * Span(1, 2, 3) == Span(0, 2, 6)
    with pytest.raises(SettingsError, match="unknown accelerator 'H10': did you mean 'H100'"):
        named("H10", 1)
    with pytest.raises(SettingsError, match="one accelerator or more"):
        named("H100", 0)


def test_a_model_whose_size_nothing_tells_is_a_note_until_the_study_says_it() -> None:
    given = settings.read_yaml(ROOT / "studies" / "smoke.yaml")
    given["models"]["judge"] = {"source": "hub", "repo": "microsoft/phi-4", "revision": "0" * 40}
    unknown = shapes(settings.read(Study, given), NOWHERE)
    assert unknown["judge"] is None
    given["models"]["judge"]["size"] = {"parameters": 117, "active": 5.1, "bits": 4.25}
    known = shapes(settings.read(Study, given), NOWHERE)["judge"]
    assert known is not None
    # What works on a token is arithmetic, and all of it, packed, is memory.
    assert known.flops == pytest.approx(2 * 5.1e9)
    assert known.weights("bfloat16") == pytest.approx(117e9 * 4.25 / 8)
    work = Work(Kind.SCORE, "judge", exactly(3), prompt=exactly(30), passes=exactly(3))
    assert dataclasses.replace(toy_speed(), shapes=unknown).of(work) == exactly(0)


def test_a_packed_model_is_as_small_on_disk_as_its_bits_say() -> None:
    given = settings.read_yaml(ROOT / "studies" / "smoke.yaml")
    given["models"]["large"] = {"source": "hub", "repo": "a/large-117B", "revision": "0" * 40}

    def disk() -> float:
        own = settings.read(Study, given)
        kept = needs.Needs(own, lengths.of_study(own, NOWHERE, NOWHERE), shapes(own, NOWHERE))
        return kept.disk(Stage("obtain", ())).mid

    # The other models and the tokenizers are a few megabytes.
    assert disk() == pytest.approx(117e9 * 2, rel=1e-3)
    given["models"]["large"]["size"] = {"parameters": 117, "bits": 4.25}
    assert disk() == pytest.approx(117e9 * 4.25 / 8, rel=1e-3)


def test_lengths_of_samples_that_were_cut_grow_with_what_is_allowed_and_those_of_others_do_not() -> None:
    def answers(*sampled: int) -> lengths.Lengths:
        return lengths.Lengths("toy", exactly(9), sampled, limit=100)

    # Half of them were cut at 100, so at 200 the mean of 80 is taken to double; one that ended by itself ends there.
    assert answers(60, 100).answer(200).mid == pytest.approx(160)
    assert answers(60, 70).answer(200).mid == pytest.approx(65)
    assert answers(60, 70).answer(50).mid == 50


def test_an_answer_has_a_token_at_least_so_that_solutions_of_a_character_can_be_planned(tmp_path: Path) -> None:
    (tmp_path / "problems").mkdir()
    (tmp_path / "problems" / "train.jsonl").write_text(json.dumps({"id": "a", "question": "1 + 1", "solution": "2"}))
    own = study.read(ROOT / "studies" / "smoke.yaml")
    seen = lengths.of_study(own, tmp_path, NOWHERE)
    # One of them and the end by three characters a token, which is less than two.
    assert (seen.answer(100).mid, seen.longest(100, batch=8).mid) == (1, lengths.STRETCH)
    assert Counting(own, seen, NOWHERE, "hf").stages(list(own.main_arms(["home"]).values()))


def test_the_longest_answer_of_a_batch_is_among_those_of_questions_about_as_long() -> None:
    """Answers of 90 and 80 stand together, those of 20 and 10 do; in two shares 90 meets 20 and 80 meets 10."""
    seen = lengths.Lengths("toy", exactly(9), (90, 80, 20, 10), limit=100)
    assert seen.longest(100, batch=2).mid == (90 + 20) / 2
    assert dataclasses.replace(seen, shares=2).longest(100, batch=2).mid == (90 + 80) / 2
    assert seen.longest(100, batch=4).mid == 90
    assert seen.longest(100, batch=1).mid == seen.answer(100).mid == 50


def test_before_anything_has_run_answers_are_about_as_long_as_solutions_where_problems_have_any(tmp_path: Path) -> None:
    problems = [{"id": "a", "question": "q" * 30, "solution": "s" * 120}, {"id": "b", "question": "q" * 60}]
    (tmp_path / "toy" / "problems").mkdir(parents=True)
    text = "".join(json.dumps(row) + "\n" for row in problems)
    (tmp_path / "toy" / "problems" / "train.jsonl").write_text(text)
    seen = lengths.of_study(study.read(ROOT / "studies" / "smoke.yaml"), tmp_path / "toy", NOWHERE)
    # Three characters a token, what ends an answer, and around a question of 45 the prompt's words and the template.
    instruction = sum(len(message["content"]) for message in ask("boxed", ""))
    assert seen.answer(1000) == about(40 + 1, *lengths.SKETCHED)
    assert seen.question.mid == pytest.approx((45 + instruction) / 3 + tokens.TEMPLATE)
    assert "no traces yet" in seen.source
    # The glass box makes its problems without a file.
    drawn = lengths.of_study(study.read(ROOT / "studies" / "glassbox.yaml"), tmp_path / "nothing", NOWHERE)
    assert 20 < drawn.answer(96).mid < 60


def test_before_anything_has_run_tokens_are_those_of_the_tokenizer_that_the_study_makes(tmp_path: Path) -> None:
    """A word is a token: five of the solution and the end, five of the question with its frame of two."""
    row = {"id": "a", "question": "b is + a 1", "solution": "so b is 2 ."}
    (tmp_path / "toy" / "problems").mkdir(parents=True)
    (tmp_path / "toy" / "problems" / "train.jsonl").write_text(json.dumps(row))
    seen = lengths.of_study(study.read(ROOT / "studies" / "glassbox.yaml"), tmp_path / "toy", NOWHERE)
    assert (seen.answer(96).mid, seen.question.mid) == (5 + 1, 5 + 2)
    # All of a batch is computed to the end of its longest answer, which goes further than any solution.
    assert seen.longest(96, batch=4).mid == pytest.approx(6 * lengths.STRETCH)
    assert seen.longest(96, batch=1).mid == 6


def test_of_many_texts_some_are_counted_spread_over_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 1,025 problems every third: the first 1,000 have a word, the last 25 have 100."""
    calls = []
    monkeypatch.setattr(lengths, "ask", lambda name, question: calls.append(question) or [{"content": question}])
    rows = [{"id": str(i), "question": "a " * (1 if i < 1000 else 100), "solution": "b"} for i in range(1025)]
    (tmp_path / "problems").mkdir()
    (tmp_path / "problems" / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    own = study.read(ROOT / "studies" / "glassbox.yaml")
    seen = lengths.of_study(own, tmp_path, NOWHERE)
    assert len(calls) == -(-1025 // 3) <= lengths.COUNTED
    assert seen.question.mid == pytest.approx((334 * 1 + 8 * 100) / 342 + 2)
    assert len(seen.sampled) == 342 * own.sampling.n


def test_the_glass_boxs_own_count_of_tokens_is_its_tokenizers() -> None:
    from qup.glassbox.vocabulary import tokenizer
    from qup.lm.chat import format_of

    source: Any = study.read(ROOT / "studies" / "glassbox.yaml").models["learner"].source
    chat = [{"role": "user", "content": "ann is + bob 1"}]
    asked, said = format_of(tokenizer()).encode(chat, "so b is 2")
    assert (source.asked(chat), source.said("so b is 2")) == (len(asked), len(said))


def test_a_learner_that_is_here_counts_tokens_by_its_own_tokenizer_and_a_broken_one_tells_nothing(
    tmp_path: Path,
) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    own, folder = study.read(ROOT / "studies" / "qwen2.5-coder-0.5b.yaml"), tmp_path / "learner"
    assert tokens.of_learner(own, tmp_path) is None
    folder.mkdir()
    (folder / "tokenizer.json").write_text("{")
    assert tokens.of_learner(own, tmp_path) is None
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    counted = tokens.of_learner(own, tmp_path)
    assert counted is not None
    assert counted.said("a long word") == 3 + 1
    assert counted.asked([{"role": "user", "content": "a long word"}]) == 3 + tokens.TEMPLATE


def test_records_that_cannot_be_read_are_said_to_be_and_lengths_are_assumed(tmp_path: Path) -> None:
    own = study.read(ROOT / "studies" / "smoke.yaml")
    for text in ("{", '{"tokens": 1}\n', "[1]\n", '{"tokens": "x", "text": 1, "finish": 1}\n'):
        (tmp_path / "traces.jsonl").write_text(text)
        seen = lengths.of_study(own, tmp_path, NOWHERE)
        assert seen.sampled == ()
        assert "cannot be read" in seen.source


def test_what_was_measured_is_of_the_settings_of_then_and_is_scaled_to_those_of_now() -> None:
    planner = Planner(ROOT, "smoke", Asked())
    read = planner.read()
    then = planner.as_it_ran(read, Status(settings={"sampling": {"n": 2, "max_tokens": 96}}))
    assert (read.sampling.n, then.sampling.n) == (6, 2)
    # Settings that this version does not know are those of now.
    assert planner.as_it_ran(read, Status(settings={"sampling": {"draws": 2}})) is read
    # Ten seconds then, by a rule that says five of then and fifteen of now: thirty.
    history = History({"sample": 10.0}, {"sample": exactly(5.0)}, {})
    stage = Stage("sample", (Load.MODELS,))
    assert history.corrected(stage, exactly(15.0), "assumed", calibrated=True).seconds.mid == pytest.approx(30.0)


def test_calibrated_rates_are_a_line_through_a_full_and_a_smaller_batch() -> None:
    """Two seconds a pass and a tenth a token: 8 rows of 5 tokens take 6 seconds, 2 rows take 3."""
    step, token = trials._line(lambda batch: 2 + 0.1 * 5 * batch, batch=8, width=5)
    assert (step, token) == (pytest.approx(2), pytest.approx(0.1))
    # One row has no smaller batch: all of it is the pass.
    assert trials._line(lambda batch: 3.0, batch=1, width=5) == (3.0, 0.0)


@pytest.mark.parametrize(("batch", "micro_batch"), [(8, None), (8, 4), (8, 1), (1, None)], ids=str)
@pytest.mark.parametrize("checkpoints", [False, True])
def test_training_is_calibrated_by_passes_as_large_as_the_studys(
    batch: int, micro_batch: int | None, checkpoints: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run takes 3 seconds, a pass 2 and a tenth a token, or a third more where it is computed again."""
    sizes = set()

    def train(folder: Path, traces: list[Example], own: TrainingSettings, *_: object) -> float:
        passes, rows = len(traces) // (own.micro_batch or own.batch), len(traces)
        sizes.add(own.micro_batch or own.batch)
        return 3 + 2 * passes + 0.1 * (4 / 3 if own.gradient_checkpointing else 1) * rows * 10

    monkeypatch.setitem(sys.modules, "qup.training.trainer", SimpleNamespace(train=train, Cell=lambda *_: None))
    read = study.read(ROOT / "studies" / "smoke.yaml")
    training = dataclasses.replace(
        read.training, batch=batch, micro_batch=micro_batch, gradient_checkpointing=checkpoints, arms={}
    )
    asked = trials.Asked(NOWHERE, dataclasses.replace(read, training=training), question=4, answer=6, begun=0.0)
    begun, step, token = trials._training(asked, [1] * 10, lambda work: cast(float, work()))
    assert max(sizes) == (micro_batch or batch)
    assert begun == pytest.approx(3)
    one = max(sizes) == 1
    # Of single traces all of a pass is the pass; else tokens are told from it.
    assert token == pytest.approx(0.0 if one else 0.1)
    assert one or step == pytest.approx(2)


def test_a_learner_that_is_not_here_is_calibrated_by_one_about_as_large_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = study.read(ROOT / "studies" / "qwen2.5-coder-0.5b.yaml")
    made = {}
    monkeypatch.setattr(Model, "obtain", lambda self, *_: made.update(hidden=self.hidden, layers=self.layers))
    assert calibration._model(read, NOWHERE, tmp_path) == (tmp_path / "learner", False)
    assert 0.8 < 12 * made["layers"] * made["hidden"] ** 2 / 0.5e9 < 1.25
    for learner, parameters in ((of_name("x-7B"), calibration.LARGEST), (of_name("x-30M"), 3e7)):
        model = calibration._made_up(learner)
        assert 0.5 < 12 * model.layers * model.hidden**2 / parameters < 1.5
    with pytest.raises(SettingsError, match="of 14 billion parameters is calibrated by itself alone"):
        calibration._made_up(of_name("x-14B"))
    # A small model's figures, kept under the learner's own settings, once passed for the learner's own.
    small = {"host": platform.node(), "shape": {"parameters": 6e5}}
    monkeypatch.setattr(calibration, "_kept", lambda _: {calibration._key(read): small})
    learner = {"learner": of_name("x-0.5B")}
    assert calibration.speed(read, here(0.5e9, "hf"), learner) is None


def test_a_calibration_is_of_how_the_study_trains() -> None:
    read = study.read(ROOT / "studies" / "smoke.yaml")

    def key(**changed: Any) -> str:
        return calibration._key(dataclasses.replace(read, training=dataclasses.replace(read.training, **changed)))

    assert key() == key(learning_rate=1e-3)
    other = "float32" if read.training.dtype == "bfloat16" else "bfloat16"
    keys = [key(), key(micro_batch=1), key(gradient_checkpointing=True), key(dtype=other), key(batch=64)]
    assert len(set(keys)) == len(keys)


def test_a_span_is_told_in_one_unit_with_its_bounds_and_an_exact_one_without() -> None:
    told = {
        view.number(exactly(0)): "",
        view.number(exactly(1024), "B"): "1.02kB",
        view.number(Span(900, 1200, 1500)): "1.2k (0.9-1.5)",
        view.duration(Span(30, 90, 120)): "1.5 min (0.5-2)",
        view.duration(Span(3600, 7200, 7200)): "2 h (1-2)",
        view.duration(exactly(7)): "7 s",
    }
    assert all(said == expected for said, expected in told.items()), told


def test_stages_of_a_kind_are_a_row_and_the_last_row_is_their_sum(tmp_path: Path) -> None:
    # Not here, where the study may have run, so that there are lengths to plan with.
    shutil.copytree(ROOT / "studies", tmp_path / "studies")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    made = plan.plan(tmp_path, "smoke", plan.Asked(device="cpu", status=False))
    rows = {row[0]: row for row in view.cells(made)}
    k, greedy, heldout, arms = 2, 1, 6, 5
    answers = view.COLUMNS.index("answers")
    # Two objectives on one replicate.
    assert rows[f"evaluate x {arms}"][answers] == str(arms * 2 * heldout * (k + greedy))
    assert rows["sample"][answers] == "48"
    main, further, base = 180, 36, 18
    # A judge replies on every trace of five main arms and a further one: of eight problems one to eight have a draft.
    told = 48 + main + further + base
    assert rows["all stages"][answers] == f"{told + 6 * 6} ({told + 6 * 1}-{told + 6 * 8})"


def qup(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "qup", *words], cwd=cwd, capture_output=True, text=True, check=False)


def test_the_command_says_everything_as_json_and_an_unknown_study_is_one_line() -> None:
    done = qup("plan", "smoke", "--no-status", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    counts = Counter(row["stage"].partition("@")[0] for row in made["stages"])
    assert counts["train"] == 4
    assert counts["train-native"] == 1
    low, mid, high = made["seconds"]
    assert 0 < low < mid < high
    wrong = qup("plan", "smok")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("qup: unknown study 'smok': did you mean 'smoke'?")


def test_a_plan_loads_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from pathlib import Path; from qup import plan;"
        "plan.plan(Path(), 'smoke', plan.Asked(status=False));"
        "print([name for name in ('torch', 'transformers', 'lm_eval') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_study_here_can_be_planned() -> None:
    for file in sorted((ROOT / "studies").glob("*.yaml")):
        made = plan.plan(ROOT, file.stem, plan.Asked(status=False))
        assert made.seconds.mid > 0
        assert len({row.stage.name for row in made.rows}) == len(made.rows)


def test_the_page_has_the_rules_that_the_code_has() -> None:
    page = " ".join((ROOT / "docs" / "plan.md").read_text(encoding="utf-8").split())
    assert f"keeps {needs.MOVED} bytes a parameter" in page
    assert f"are {needs.ACTIVATION} bytes a token" in page
    assert f"{needs.CHECKPOINTED} with gradient checkpoints" in page
    assert (LARGE, "two billion parameters or more" in page) == (2e9, True)
    assert (calibration.FARTHEST, "more than twenty times larger" in page) == (20, True)
    assert f"for one {DEFAULT}" in page
    assert (lengths.STRETCH, "a quarter longer than the longest of them" in page) == (1.25, True)
    assert (masks.KEPT, "three quarters, or 0.4 to all" in page) == (Span(0.4, 0.75, 1.0), True)
    assert (tokens.CHARACTERS, "three characters a token" in page) == (3.0, True)


def test_the_bounds_that_the_page_gives_are_those_of_the_benchmark() -> None:
    made = json.loads((ROOT / "bench" / "results.json").read_text(encoding="utf-8"))
    assert "within a quarter" in (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")

    def far(kind: str, side: str) -> float:
        took, planned = (made[f"planning/glassbox/{kind}-{which}"]["value"] for which in ("measured", side))
        return abs(float(planned / took) - 1)

    assert all(far("run", side) < 0.25 for side in ("planned", "planned-before"))
    assert all(far(kind, "planned") < 0.25 for kind in ("sample", "train", "evaluate", "further"))
