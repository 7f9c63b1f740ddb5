"""Tables as the page has them: what is said once, and what is folded."""

from qup.report.condense import condensed
from qup.report.view import Cell, Table


def table(rows, columns=("arm", "Q", "U"), groups=()) -> Table:
    return Table(list(columns), [[Cell(text, small) for text, small in row] for row in rows], list(groups))


def test_a_count_that_is_the_same_everywhere_is_said_once_and_stands_in_no_cell() -> None:
    short = condensed(
        table([[(name, ""), (q, "[0, 1]\nn 160"), ("2", "n 160")] for name, q in (("a", "1"), ("b", "3"))])
    )
    assert [[cell.small for cell in row] for row in short.table.rows] == [["", "[0, 1]", ""]] * 2
    assert short.notes == ["n = 160."]


def test_counts_that_differ_are_said_by_column_and_as_a_range_by_row() -> None:
    rows = [[("a", ""), ("1", "n 253, 4 failed"), ("2", "n 160")], [("b", ""), ("2", "n 257"), ("3", "n 160, MDE 7.7")]]
    short = condensed(table(rows))
    assert [[cell.small for cell in row] for row in short.table.rows] == [["", "4 failed", ""], ["", "", "MDE 7.7"]]
    assert short.notes in (["n = 253 to 257; U 160."], ["n = 160; Q 253 to 257."])


def test_a_count_keeps_its_unit() -> None:
    assert condensed(table([[("a", ""), ("1", "n 3 replicates"), ("2", "n 3 replicates")]])).notes == [
        "n = 3 replicates."
    ]


def test_counts_of_two_units_in_one_column_make_no_range() -> None:
    rows = [[("a", ""), ("1", "n 3 replicates")], [("b", ""), ("2", "n 160")], [("c", ""), ("3", "n 157")]]
    assert condensed(table(rows, columns=("arm", "Q"))).notes == ["n = 3 replicates, 157 to 160."]


def test_a_column_that_is_the_same_in_every_row_is_said_once() -> None:
    rows = [[(name, ""), (q, ""), ("1.00", "[1, 1]\nn 9")] for name, q in (("a", "1"), ("b", "2"), ("c", "3"))]
    short = condensed(table(rows, groups=[("", 1), ("rewards", 2)]))
    assert short.table.columns == ["arm", "Q"]
    assert short.table.groups == [("", 1), ("rewards", 1)]
    assert short.notes == ["The same in every row: U 1.00 [1, 1]."]


def test_the_one_row_that_has_no_value_of_a_column_is_named_with_its_reason() -> None:
    rows = [[(name, ""), (name, ""), ("1.00", "n 9")] for name in "abc"] + [[("d", ""), ("d", ""), ("–", "no learner")]]
    short = condensed(table(rows))
    assert short.table.columns == ["arm", "Q"]
    assert short.notes[0] == "The same in every row: U 1.00, but d – no learner."


def test_two_equal_cells_stay_for_they_may_be_the_finding() -> None:
    rows = [[("a", ""), ("1", ""), ("1.00", "")], [("b", ""), ("2", ""), ("1.00", "")]]
    assert condensed(table(rows)).table.columns == ["arm", "Q", "U"]


def test_a_column_with_two_cells_that_say_why_they_are_empty_stays() -> None:
    rows = [[(name, ""), (name, ""), ("1", "")] for name in "abc"]
    rows += [[(name, ""), (name, ""), ("–", "no learner")] for name in "de"]
    assert condensed(table(rows)).table.columns == ["arm", "Q", "U"]


def test_a_column_that_has_the_same_reason_in_every_row_says_it_once() -> None:
    rows = [[(name, ""), (name, ""), ("–", "not compared")] for name in "abc"]
    short = condensed(table(rows))
    assert short.table.columns == ["arm", "Q"]
    assert short.notes == ["The same in every row: U – not compared."]


def test_no_line_is_left_empty_where_a_count_stood_between_others() -> None:
    rows = [[("a", ""), ("1", "[0, 1]\nn 9\nstyle cost 2"), ("2", "")]]
    assert condensed(table(rows)).table.rows[0][1].small == "[0, 1]\nstyle cost 2"


def test_a_long_table_is_folded_and_one_that_would_hide_little_is_not() -> None:
    assert condensed(table([[(str(at), ""), (str(at), ""), (str(at), "")] for at in range(7)])).hidden == 0
    assert condensed(table([[(str(at), ""), (str(at), ""), (str(at), "")] for at in range(8)])).hidden == 3
