"""Maps by hand: cells, their family, V - C as predicted from arms apart, and the line where the prediction turns."""

import dataclasses
from types import SimpleNamespace

import pytest
import toymaps
import toyreport
from toymaps import PLACES, PLAIN, REFINED, REGIMES, SAR

from qup.report import map_plot
from qup.report.numbers import Missing


@pytest.fixture(scope="module")
def built():
    with pytest.MonkeyPatch.context() as own:
        return toymaps.mapped().plain(own)


@pytest.fixture(scope="module")
def squares(built):
    return built.summary["maps"]["regimes"]["squares"]


def test_a_cell_is_utility_of_refined_traces_over_rft(squares) -> None:
    # Of 60 problems: 12 - 24, 48 - 24; 6 - 24, 27 - 24.
    hand = [[-12 / 60, 24 / 60], [-18 / 60, 3 / 60]]
    for decoding in ("sampled", "greedy"):
        assert [[cell["gap"]["value"] for cell in row] for row in squares[decoding]] == [
            [pytest.approx(value, abs=1e-6) for value in row] for row in hand
        ]


def test_the_cells_of_one_decoding_are_one_family(squares) -> None:
    cells = [cell for rows in squares.values() for row in rows for cell in row]
    assert {cell["gap"]["holm"]["family"] for cell in cells} == {4}
    assert [cell["gap"]["resolved"] for row in squares["sampled"] for cell in row] == [True, True, True, False]


def test_a_prediction_is_v_of_its_column_minus_c_of_its_row(squares) -> None:
    # V: 27 - 24 and 48 - 24 of 60; C: 24 - 18 and 24 - 12.
    v, c = (3 / 60, 24 / 60), (6 / 60, 12 / 60)
    for (x, y), cell in zip(PLACES, [cell for row in squares["sampled"] for cell in row], strict=True):
        assert cell["predicted"]["value"] == pytest.approx(v[x] - c[y], abs=1e-6)


def test_the_page_counts_the_cells_of_each_sign_and_those_foreseen(built) -> None:
    text = built.markdown
    assert (
        "Map regimes, sampled: refined ahead in 1, RFT ahead in 2 of 4 cells; 3 of 3 of these as predicted. greedy: "
        "refined ahead in 1, RFT ahead in 2 of 4 cells; 3 of 3 of these as predicted." in text
    )
    assert "predicted -5.0" in text
    assert "Map regimes: adaptation cost of the refined stream, nats." in text


def test_a_cell_whose_sign_was_predicted_wrong_is_counted_so(monkeypatch) -> None:
    wrong = toymaps.mapped({SAR[0]: 57}).plain(monkeypatch)
    # V(0) is 33 of 60 now, above either C, where RFT is ahead in both cells of that column.
    assert "3 cells" not in wrong.markdown
    assert "RFT ahead in 2 of 4 cells; 1 of 3 of these as predicted. greedy" in wrong.markdown


def test_a_cell_is_read_under_both_decodings(monkeypatch) -> None:
    summary = toymaps.mapped(greedy={REFINED[0, 0]: 40}).summary(monkeypatch)
    found = summary["maps"]["regimes"]["squares"]
    assert found["sampled"][0][0]["gap"]["value"] == pytest.approx(-12 / 60)
    assert found["greedy"][0][0]["gap"]["value"] == pytest.approx(16 / 60, abs=1e-6)


def test_an_arm_that_is_not_there_leaves_its_cell_empty_and_its_family_smaller(monkeypatch) -> None:
    toy = toymaps.mapped()
    gone = {name: records for name, records in toy.further.items() if name not in (REFINED[0, 0], PLAIN[1])}
    built = dataclasses.replace(toy, further=gone).plain(monkeypatch)
    found = built.summary["maps"]["regimes"]["squares"]["sampled"]
    assert found[0][0]["gap"] == {"value": None, "reason": "no such arm was evaluated"}
    assert found[0][1]["predicted"] == {"value": None, "reason": "an arm apart was not evaluated"}
    assert found[0][1]["gap"]["holm"]["family"] == 3
    assert len(map_plot.rows(built.numbers.maps)) == 6


def test_a_map_without_predictions_has_none_and_draws_no_line(monkeypatch) -> None:
    alone = dataclasses.replace(REGIMES, repair=(), drift=())
    built = toymaps.mapped(maps={"regimes": alone}).plain(monkeypatch)
    found = built.summary["maps"]["regimes"]["squares"]["sampled"]
    assert found[0][0]["predicted"] == {"value": None, "reason": "nothing was measured apart"}
    assert map_plot.boundary(map_plot.rows(built.numbers.maps)) == []


def cell(at, up, predicted):
    return {"at": at, "up": up, "predicted": predicted}


def side(x1, y1, x2, y2):
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2}


def test_the_line_runs_between_neighbours_of_unlike_predicted_sign() -> None:
    # Signs, upper row first: - -
    #                         - +    The plus is walled off on its left and above.
    cells = [cell(0, 0, -1.0), cell(1, 0, 2.0), cell(0, 1, -3.0), cell(1, 1, -1.0)]
    assert map_plot.boundary(cells) == [side(1, 0, 1, 1), side(1, 1, 2, 1)]


def test_equal_signs_and_missing_predictions_draw_no_line() -> None:
    assert map_plot.boundary([cell(0, 0, 1.0), cell(1, 0, 2.0), cell(0, 1, None)]) == []


def test_the_line_of_the_toy_is_between_its_columns(built) -> None:
    # Predicted -5 and +30 below, -15 and +20 above: the line is x = 1 over both rows.
    rows = [row for row in map_plot.rows(built.numbers.maps) if row["decoding"] == "sampled"]
    assert [row["predicted"] for row in rows] == [-5, 30, -15, 20]
    assert map_plot.boundary(rows) == [side(1, 0, 1, 1), side(1, 1, 1, 2)]


def test_the_picture_of_the_maps_stands_above_their_tables_a_panel_per_decoding() -> None:
    built = toymaps.mapped().build()
    assert "maps" in built.plots
    assert toymaps.mapped().build().files() == built.files()
    section = built.html.partition("<h2>Where quality and utility part</h2>")[2].partition("<h2>")[0]
    assert section.partition("<table>")[0].count("<svg") == 2
    assert section.count("<svg") == 2


def test_a_study_without_maps_has_no_section_of_them(monkeypatch) -> None:
    assert "Where quality and utility part" not in toyreport.toy().plain(monkeypatch).markdown


def test_the_picture_rounds_a_cell_as_the_table_does() -> None:
    # Of 240 answers: -13.6458 points; by way of -13.65 it would be -13.7.
    gap = SimpleNamespace(estimate=SimpleNamespace(value=-131 / 960), resolved=True)
    dial = SimpleNamespace(label="dial", values=[0])
    square = SimpleNamespace(gap=gap, predicted=Missing("none"))
    cells = map_plot.rows({"toy": SimpleNamespace(x=dial, y=dial, squares={"sampled": [[square]]})})
    assert map_plot._shown(cells[0])["said"] == f"{100 * gap.estimate.value:+.1f}" == "-13.6"
