"""Traces to read: what compat keeps of each token, whose traces are kept, how they are marked, what the page says."""

import dataclasses
import json
import math
import re

import pytest
import toyreport
from hypothesis import given, settings
from hypothesis import strategies as st
from toyreport import ALIGNED, NATIVE, REFINED
from toytraces import NASTY, TOY, evidence, example, refined, scored

from qup import compat, records, report
from qup.compat import Pass, Seen, drift_split, ppl
from qup.errors import SettingsError
from qup.lm import spelling
from qup.measured import checks, examples, files
from qup.measured.examples import LONGEST, MOST, Question
from qup.records import Compat, Finish, Problem, Score, TokenStats, Trace, Verdict
from qup.report import Report, explorer
from qup.report.explorer import marks
from qup.report.sections import explorer as section

# What is kept of each token.


@given(st.lists(st.floats(0, 40.9)))
def test_a_surprisal_comes_back_to_half_a_hundredth_of_a_nat(nats) -> None:
    assert records.unpack_nats(records.pack_nats(nats)) == pytest.approx(nats, abs=0.005 + 1e-9)


def test_what_has_no_end_or_no_number_is_the_largest_surprisal() -> None:
    # 64 x 64 steps from 0: the largest is 4095 hundredths.
    assert records.unpack_nats(records.pack_nats([math.inf, math.nan, 1e9, -1e-9])) == [40.95, 40.95, 40.95, 0.0]


@given(st.lists(st.integers(0, 400)))
def test_lengths_come_back(lengths) -> None:
    assert records.unpack_lengths(records.pack_lengths(lengths)) == lengths


def test_a_token_takes_three_bytes() -> None:
    lengths, nats = [4] * 1000, [0.37] * 1000
    assert len(records.pack_lengths(lengths) + records.pack_nats(nats)) == 3000


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"surprisal": "AAA"}, "two digits a token"),
        ({"surprisal": "AA"}, "of each of 2 tokens, got (1, 2)"),
        ({"lengths": "BBB"}, "of each of 2 tokens, got (2, 3)"),
        ({"lengths": "B?"}, "digits of base 64, got '?'"),
        ({"lengths": "B/"}, "has no end"),
    ],
)
def test_a_line_whose_tokens_do_not_match_is_refused_by_its_number(tmp_path, changes, fault) -> None:
    row = records.row(Compat("p", 2, 0.5, {}, surprisal="AAAA", lengths="BB"))
    (tmp_path / "compat.jsonl").write_text(json.dumps(row | changes) + "\n")
    with pytest.raises(SettingsError, match=re.escape(fault)) as error:
        records.read(tmp_path / "compat.jsonl", Compat)
    assert "compat.jsonl, line 1: not a Compat" in str(error.value)


def test_a_record_without_tokens_is_written_as_it_was() -> None:
    assert set(records.row(Compat("p", 2, 0.5, {}))) == {"problem_id", "tokens", "nll", "values"}


@pytest.mark.parametrize(
    ("text", "pieces", "expected"),
    [
        ("So it is", ["So", " it", " is", ""], [2, 3, 3, 0]),
        # A tokenizer that gives a word without its space, and one that gives a space that the text has not.
        ("So it is", ["So", "it", "is"], [2, 3, 3]),
        ("So it", [" So", " it"], [2, 3]),
        ("So\n\n    it", ["So", "", "it"], [2, 0, 8]),
        # A character of three tokens, and two such after each other.
        ("a好b", ["a", "\ufffd", "\ufffd", "\ufffd", "b"], [1, 0, 0, 1, 1]),
        ("a好字", ["a", *["\ufffd"] * 6, ""], [1, 0, 0, 1, 0, 0, 1, 0]),
        ("a好字b", ["a", *["\ufffd"] * 4, "b"], [1, 0, 1, 0, 1, 1]),
        # The mark itself may be what a text says.
        ("\ufffd!", ["\ufffd", "!"], [1, 1]),
        # A word that the tokenizer does not know.
        ("so verily 4", ["so", "<unk>", "4"], [2, 8, 1]),
        # Marks of a format stand before and after the text.
        ("yes", ["", "", "yes", ""], [0, 0, 3, 0]),
        ("", ["", ""], [0, 0]),
    ],
)
def test_every_token_has_its_place_in_the_text(text, pieces, expected) -> None:
    assert spelling.lengths(text, pieces) == expected


@settings(max_examples=50)
@given(st.text(max_size=30), st.lists(st.text(max_size=4), min_size=1, max_size=12))
def test_whatever_the_tokens_say_together_they_are_the_text(text, pieces) -> None:
    assert sum(spelling.lengths(text, pieces)) == len(text)


class Spelling:
    """A learner that has a token for each character and is surprised by half a nat each time."""

    def encode(self, question: str, text: str) -> tuple[list[int], list[int]]:
        return [0], [*map(ord, text), 0]

    def score(self, pairs) -> list[TokenStats]:
        return [TokenStats(list(ids), [-0.5] * len(ids)) for _, ids in pairs]

    def pieces(self, token_ids) -> list[str]:
        return [chr(token) if token else "" for token in token_ids]


def test_compat_keeps_the_tokens_of_every_trace() -> None:
    asked = [Problem("p", "1 + 1?", "2", "toy")]
    (row,) = compat.measure(Spelling(), [ppl.Metric()], asked, [], [refined("p", "1+1=2")])
    assert records.unpack_nats(row.surprisal) == [0.5] * 6 and records.unpack_lengths(row.lengths) == [1, 1, 1, 1, 1, 0]
    assert (row.tokens, row.nll) == (6, 3.0)


# Whose traces are kept.


def sample(problem: str, text: str = "1 + 1 = 3", verdict: Verdict = Verdict.CORRECT) -> Trace:
    return Trace(problem, 0, text, 9, Finish.STOP, "2", verdict)


def test_every_arm_shows_the_same_problems_whatever_became_of_them() -> None:
    ids = [f"p{i}" for i in range(200)]
    drawn = examples.drawn(ids)
    assert len(drawn) == MOST and drawn == examples.drawn(ids[::-1]) and drawn != sorted(drawn)
    one = examples.of_arm([refined(each) for each in ids], [], [], [])
    other = examples.of_arm([refined(each, None) for each in ids[::-1]], [], [], [])
    assert [each.problem for each in one] == [each.problem for each in other] == drawn
    asked = examples.questions([Problem(each, f"{each}?", "2", "toy") for each in ids], ids)
    assert [each.problem for each in asked] == drawn


def test_an_example_has_what_the_records_say_of_the_first_trace() -> None:
    stream = [refined("p"), refined("p", "1 + 1 = 5", slot=1)]
    scores = [Score("p", "taste", 0.25), Score("p", "taste", 9.0, slot=1), Score("p", "judge", None, "no reply")]
    wrong = sample("p", verdict=Verdict.WRONG)
    (own,) = examples.of_arm(stream, scores, [scored(each) for each in stream], [wrong])
    assert (own.text, own.tokens, own.nll, own.attempts, own.oracle_tokens) == ("1 + 1 = 2", 10, 5.0, 1, 30)
    assert own.rewards == {"taste": 0.25, "judge": None}
    assert (own.draft, own.wrong_draft, own.cut) == ("1 + 1 = 3", True, False)
    (unchanged,) = examples.of_arm([refined("p", wrong.text)], [], [], [wrong])
    assert unchanged.draft is None


def test_a_long_trace_is_kept_up_to_a_token_s_end_and_an_odd_one_can_be_written(tmp_path) -> None:
    long = refined("p", "ab " * LONGEST + "\ud800")
    tokens = len(long.text or "") // 3
    row = Compat("p", tokens, 1.0, {}, 0, "AB" * tokens, records.pack_lengths([3] * (tokens - 1) + [4]))
    (own,) = examples.of_arm([long], [], [row], [])
    # 4000 characters hold 1333 tokens of three.
    assert (len(own.text or ""), len(own.surprisal), own.cut, own.tokens) == (3999, 2 * 1333, True, tokens)
    odd = refined("p", "a\ud800")
    (kept,) = examples.of_arm([odd], [], [scored(odd)], [])
    assert kept.text == "a?"


def test_examples_come_back_from_their_file_and_damaged_ones_are_refused(tmp_path) -> None:
    arm = dataclasses.replace(toyreport.toy().main_arms()[0], examples=[example("t000", "1 + 1 = 2")])
    # Every field away from its default: those at it are not written.
    told = [dataclasses.replace(each, draft="2+2=5", wrong_draft=True, origin="learner") for each in arm.examples]
    arm = dataclasses.replace(arm, examples=told)
    files.write(tmp_path / "arm.json", [arm])
    assert files.read_arm(tmp_path / "arm.json").examples == arm.examples
    text = (tmp_path / "arm.json").read_text()
    (tmp_path / "arm.json").write_text(text.replace('"surprisal": "', '"surprisal": "AA'))
    with pytest.raises(SettingsError, match="damaged"):
        files.read_arm(tmp_path / "arm.json")
    assert "examples" not in records.written_fields(dataclasses.replace(arm, examples=[]))


def test_examples_of_other_problems_are_refused(tmp_path) -> None:
    (arm, *_) = TOY.main_arms()
    for shown, fault in (("t000", None), ("elsewhere", "its examples are of problems that its stream does not cover")):
        given = dataclasses.replace(arm, examples=[example(shown, "1")])
        assert next(filter(None, checks._stream_faults(given, given, arm.rewards)), None) == fault


# How they are marked.


def test_a_token_without_a_character_adds_to_the_next_and_the_end_is_a_token_of_its_own() -> None:
    shown = marks.tokens("aéb", [1, 0, 1, 1, 0], [0.5, 1.0, 2.0, 7.0, 0.25])
    assert [(token.text, token.surprisal) for token in shown] == [("a", 0.5), ("é", 3.0), ("b", 7.0), ("", 0.25)]
    # Eight shades over six nats; above them the last.
    assert [token.shade for token in shown] == [0, 4, 8, 0]


def test_edits_give_back_both_texts_and_say_what_they_changed() -> None:
    before, after = "So 2 + 2 = 5 .", "Thus 2 + 2 = 4 ."
    made = marks.edited(marks.pieces(before), marks.pieces(after))
    assert "".join(edit.text for edit in made if edit.kind != "delete") == after
    assert "".join(edit.text for edit in made if edit.kind != "insert") == before
    changed = {(edit.kind, edit.text): edit.changed for edit in made}
    assert changed["delete", "5"] == changed["insert", "4"] == "logic"
    # In a part that says other numbers, a word is style all the same.
    assert changed["delete", "So"] == changed["insert", "Thus"] == "style"


def test_the_marks_are_those_of_the_drift_split() -> None:
    before, after = "So 2 + 2 = 5 .", "Well , 2 + 2 = 4 and so 4 ."
    sides = [marks.pieces(text) for text in (before, after)]
    nats = [[0.25 * (1 + i % 5) for i in range(len(side))] for side in sides]
    stats = [TokenStats([hash(piece) for piece in s], [-x for x in n]) for s, n in zip(sides, nats, strict=True)]
    seen = Seen(
        Problem("p", "?", "4", "toy"), before, after, stats[1], before, {Pass.NATIVE: stats[0]}, sides[1], sides[0]
    )
    told = drift_split.Metric().values(seen)
    cost = [dict(zip(range(len(s)), n, strict=True)) for s, n in zip(sides, nats, strict=True)]
    counted = {"logic": 0.0, "style": 0.0}
    places = [0, 0]
    for edit in marks.edited(*sides):
        for side in {"equal": (0, 1), "delete": (0,), "insert": (1,)}[edit.kind]:
            for _ in marks.pieces(edit.text):
                if edit.changed:
                    counted[edit.changed] += (1 if side else -1) * cost[side][places[side]]
                places[side] += 1
    assert counted == {kind: pytest.approx(told[f"drift_split.{kind}"]) for kind in counted}
    assert all(counted.values())


# The page.


def build(patch, arms, questions) -> Report:
    """The report, without plots, which take most of the time."""
    given = evidence(arms, questions)
    patch.setattr("qup.report.plots.draw", lambda *_: {})
    return report.build(given.study, given.base, [*given.arms.values()])


ASKED = [Question(f"t{i:03}", f"How many, {NASTY}?", "2") for i in range(3)]
ARMS = {
    NATIVE: [example(each.problem, "1 + 1 = 2", 0.1, outcome="kept") for each in ASKED],
    REFINED: [
        example("t000", f"Thus 1 + 1 = 3 {NASTY}", 2.0, draft="1 + 1 = 2"),
        example("t001", None),
        example("t002", "Clearly 1 + 1 = 2", 3.0, draft="1 + 1 = 2", rewards={"genrm": 0.5}),
    ],
    ALIGNED: [example(each.problem, "1 + 1 = 2", 0.2) for each in ASKED],
}


@pytest.fixture(scope="module")
def shown(patch):
    return build(patch, ARMS, ASKED)


def embedded(html: str) -> dict:
    """The JSON that the page holds, as a browser cuts it out."""
    (text,) = re.findall(r'<script type="application/json" id="explorer-data">(.*?)</script', html, re.DOTALL)
    return json.loads(text)


def test_the_page_has_the_streams_side_by_side_and_equal_examples_are_equal_bytes(shown) -> None:
    told = embedded(shown.html)
    assert [stream["label"] for stream in told["streams"]] == ["RFT", "Refined", "SAR"]
    assert [problem["id"] for problem in told["problems"]] == ["t000", "t001", "t002"]
    assert "3 of the 30 problems" in shown.html and "3 of the 30 problems" in shown.markdown
    again, other = explorer.numbers(evidence(ARMS, ASKED)), explorer.numbers(evidence(ARMS, ASKED[::-1]))
    assert again and other and again.data in shown.html and other.data not in shown.html


def test_what_a_trace_says_is_never_a_part_of_the_page(shown) -> None:
    assert "<img" not in shown.html and "<!--" not in shown.html and "onerror" in shown.html
    # Ours, and the one that it reads: nothing that a trace holds opens or ends another.
    assert shown.html.count("<script") == shown.html.count("</script") == 2
    assert embedded(shown.html)["problems"][0]["streams"][1]["text"].endswith(NASTY)


def test_the_page_s_script_makes_no_markup_of_text_and_asks_for_nothing() -> None:
    script = explorer.SCRIPT.read_text(encoding="utf-8")
    said = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|fetch|XMLHttp|https?:|import\b|\.src\b"
    assert not re.search(said, script)
    assert len(script) < 12_000


def test_edits_stand_beside_the_trace_by_sign_and_characters(shown) -> None:
    refined = embedded(shown.html)["problems"][2]["streams"][1]
    # "Clearly " came; the rest of seventeen characters is the draft's.
    assert refined["edits"] == [["+s", 8], ["=", 9]]
    assert "edits" not in embedded(shown.html)["problems"][2]["streams"][2]


def test_as_many_problems_as_fit_are_on_the_page(monkeypatch) -> None:
    whole = explorer.numbers(evidence(ARMS, ASKED))
    assert whole and whole.shown == 3
    monkeypatch.setattr(explorer, "BUDGET", len(whole.data.encode()) // 2)
    part = explorer.numbers(evidence(ARMS, ASKED))
    assert part and 0 < part.shown < 3 and len(json.loads(part.data)["problems"]) == part.shown


def test_the_fullest_page_stays_under_five_megabytes() -> None:
    pages = sorted((toyreport.Path(__file__).parents[1] / "results").glob("*/report/index.html"))
    traces = re.compile(rb'(?<=id="explorer-data">).*?(?=</script>)', re.DOTALL)
    # The pages of the published studies, if their traces took all that these may take.
    assert pages and all(len(traces.sub(b"", page.read_bytes())) + explorer.BUDGET < 5_000_000 for page in pages)


def test_a_study_measured_before_says_so_in_one_line(monkeypatch) -> None:
    assert explorer.numbers(evidence({}, [])) is None
    told = section.show(None)
    assert told.paragraphs == [section.NONE] and not told.html
