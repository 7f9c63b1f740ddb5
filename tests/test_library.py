"""What lm-eval has, read without importing it: names, groups, tags, and what a study must say of their data."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from toytasks import ARC, GSM8K, pinned, settings

from qup.errors import SettingsError
from qup.evals import library
from qup.evals.settings import FORMS, THEIR_LONGEST, Decoding, EvaluationSettings
from qup.evals.tasks import DRAWS, LONGEST
from qup.settings import read

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_name_is_a_task_a_group_is_its_tasks_and_so_is_a_tag() -> None:
    (gsm8k,) = library.leaves("gsm8k")
    assert (gsm8k.name, gsm8k.dataset, gsm8k.output) == ("gsm8k", ("openai/gsm8k", "main"), "generate_until")
    assert gsm8k.splits == ["test", "train"]
    assert [leaf.name for leaf in library.leaves("ai2_arc")] == ["arc_challenge", "arc_easy"]
    stem = [leaf.name for leaf in library.leaves("mmlu_stem")]
    assert "mmlu_anatomy" in stem
    assert set(stem) < {leaf.name for leaf in library.leaves("mmlu")}
    assert library.groups("mmlu_stem") == ["mmlu_stem"]
    assert library.groups("gsm8k") == library.groups("ai2_arc") == []


def test_a_task_needs_the_splits_that_it_shows_and_no_others() -> None:
    # It shows no example, so the training split that its file names is not read.
    (arc,) = library.leaves("arc_easy")
    assert arc.splits == ["test"]
    (aime,) = library.leaves("aime24")
    assert aime.splits == ["train"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("gsm8kk", r"^tasks\[0\]: unknown task 'gsm8kk': did you mean 'gsm8k'"),
        ("heldot", r"^tasks\[0\]: unknown task 'heldot': did you mean 'heldout'"),
        (
            "gsm8k",
            r"^tasks\[0\]\.data\.revision: expected a commit of openai/gsm8k, 40 hex.*not pinned: `git ls-",
        ),
        (
            {"task": "gsm8k", "data": {"revision": "main"}},
            r"^tasks\[0\]\.data\.revision: expected a commit of openai/gsm8k, 40 hex digits, got 'main': `git",
        ),
        (
            {"task": "gsm8k", "data": {"test": {"file": "a.jsonl"}}},
            r"tasks.*data\.test\.sha256: needs the SHA",
        ),
        (
            {"task": "gsm8k", "data": pinned(ARC)},
            r"^tasks\[0\]\.data: needs train, got test; of files in data/problems: "
            r"data: \{test: \{file: \.\.\., sha256: \.\.\.\}, train: \{file: \.\.\., sha256: \.\.\.\}\}$",
        ),
        (
            {"task": "arc_easy", "data": {"test": "my arc.jsonl"}},
            r"^tasks\[0\]\.data\.test: expected \{file: \.\.\., sha256: \.\.\.\}, got 'my arc\.jsonl': "
            r"`sha256sum 'data/problems/my arc\.jsonl'` prints the hash$",
        ),
        ({"task": "arc_easy", "data": {"test": None}}, r"^tasks\[0\]\.data\.test: expected \{file: .*, got None: `sha"),
        (
            {"task": "ai2_arc", "data": pinned(ARC)},
            r"^tasks\[0\]: reads 2 parts of a data set: pin a",
        ),
        (
            {"task": "self_consistency", "data": {"revision": COMMIT}},
            r"^tasks\[0\]: reads \d+ data sets \(",
        ),
        (
            {"task": "gsm8k", "prompt": "boxed", "data": pinned(GSM8K)},
            r"^tasks\[0\]\.prompt: unknown value 'boxed': known: chat, completion, multiturn$",
        ),
        ({"task": "heldout", "data": pinned(GSM8K)}, r"^tasks\[0\]\.data: a set of the study pins its data under"),
        ({"task": "heldout", "kk": 3}, r"^tasks\[0\]: unknown key 'kk': did you mean 'k'"),
        ({"task": "heldout", "k": 0}, r"^tasks\[0\]\.k: expected a number above 0, got 0$"),
        ({"task": "humaneval", "data": {"revision": COMMIT}}, r"^tasks\[0\]: 'humaneval' runs code that a model wrote"),
        (
            {"task": "minerva_math500", "data": {"revision": COMMIT}},
            r"^tasks\[0\]: 'minerva_math500' .*set: math500\}$",
        ),
        (
            {"task": "minerva_math", "data": {"revision": COMMIT}},
            r"^tasks\[0\]: 'minerva_math_\w+' reads formulas by ant",
        ),
        ("no/such.yaml", r"^tasks\[0\]: unknown task file 'no/such\.yaml': known: "),
        (3, r"^tasks\[0\]: expected a name, or settings with the key `task`, got 3$"),
    ],
)
def test_a_wrong_task_or_a_missing_pin_is_one_line_that_says_what_to_do(entry: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as error:
        settings(entry, "other").asked(["heldout", "other"])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([{"task": "arc_easy", "data": pinned(ARC)}], "'arc_easy' gives no graded answers, which utility is of"),
        (["heldout", {"task": "heldout", "k": 2}], "expected one or more, each once"),
        (
            ["heldout", *({"task": name, "data": {"revision": COMMIT}} for name in ("arc_easy", "ai2_arc"))],
            "arc_easy would be there twice",
        ),
    ],
)
def test_tasks_fit_together(entries: list[Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings(*entries).asked(["heldout"])


def test_what_an_entry_does_not_say_is_said_by_the_task_and_then_by_the_section() -> None:
    own = {"task": "gsm8k", "k": 2, "max_tokens": 77, "data": pinned(GSM8K)}
    drawn = {"task": "gsm8k_cot_self_consistency", "data": {"revision": COMMIT}}
    asked = settings("heldout", own, drawn, k=4, temperature=0.7, max_tokens=48, greedy=False).asked(["heldout"])
    assert [each.decodings for each in asked] == [
        (Decoding("sampled", 4, 0.7, 48),),
        (Decoding("sampled", 2, 0.7, 77),),
        # It draws 64 answers at 0.2 by itself; lm-eval's own limit where it says none.
        (Decoding("sampled", 64, 0.2, 256),),
    ]


def test_a_task_of_the_users_is_its_yaml_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"include: {library.leaves('gsm8k')[0].path}\ntask: mine\nnum_fewshot: 0\n")
    (asked,) = [a for a in settings("heldout", {"task": str(file), "data": pinned(ARC)}).asked(["heldout"]) if a.leaf]
    assert asked.name == "mine"
    assert asked.leaf
    assert asked.leaf.splits == ["test"]


def test_a_file_of_a_task_that_is_not_there_names_the_near_one_and_one_that_is_no_task_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "data" / "problems" / "own"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("{")
    near = r"unknown task file 'data/problems/mine\.yaml': did you mean 'data/problems/own/mine\.yaml'\?"
    with pytest.raises(SettingsError, match=near):
        settings("heldout", "data/problems/mine.yaml").asked(["heldout"])
    with pytest.raises(SettingsError, match=r"mine\.yaml cannot be read as an lm-eval task"):
        settings("heldout", "data/problems/own/mine.yaml").asked(["heldout"])


def test_a_group_of_the_users_is_refused_for_its_tasks(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("group: mine\ntask: [arc_easy]\n")
    with pytest.raises(SettingsError, match=r"mine\.yaml is a group: name its tasks one by one$"):
        settings("heldout", {"task": str(file), "data": pinned(ARC)}).asked(["heldout"])


def test_the_example_in_the_docs_is_a_section_and_its_numbers_are_the_codes() -> None:
    text = (Path(__file__).resolve().parents[1] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    filled = re.sub(r"<(\d+) hex digits>", lambda digits: "'" + "a" * int(digits[1]) + "'", example)
    section = yaml.safe_load(filled)["evaluation"]
    names = read(EvaluationSettings, section).names
    assert names == ("heldout", "aime", "gsm8k", "arc_easy", "data/problems/mine.yaml")
    assert f"lm-eval's {THEIR_LONGEST}" in text
    assert f"drawn {DRAWS:,} times" in text
    assert f"at most {LONGEST} characters" in text
    assert all(f"`{form}`" in text for form in FORMS)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")
def test_names_and_tags_are_those_of_lm_evals_own_index() -> None:
    from lm_eval.tasks import TaskManager

    index = TaskManager()
    assert set(library._names()) == {*index.all_subtasks, *index.all_groups}
    for name, path in library._names().items():
        assert index.task_index[name].yaml_path == path
    for tag in ("ai2_arc", "mmlu_stem_tasks", "math_word_problems"):
        assert [str(path) for path in library._tagged(tag)] == [
            str(index.task_index[name].yaml_path) for name in sorted(index.task_index[tag].tags)
        ]
