"""How lines of different Oracles are told apart."""

from typing import Any

from qup.report.plot_rows import NO_ORACLE, Rows, oracles


def by_oracle(rows: Rows) -> Any:
    """A dash per Oracle; no legend of a single one, which the names of the streams tell already."""
    import altair as alt

    names = oracles(rows)
    several = len(set(names) - {NO_ORACLE}) > 1
    return alt.StrokeDash("oracle:N", title="Oracle", sort=names, **({} if several else {"legend": None}))
