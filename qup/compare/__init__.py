"""Studies side by side: learners of several families and sizes, what each found, and the paper's rows beside them.

All of it is read from what Git keeps below results/, so it needs no run and no data store. The same tables stand in the
terminal, as JSON and on one page, `results/index.html`, which equal results give equal bytes.

>>> for study in everything(Path("results")):  # doctest: +SKIP
...     print(study.name, study.made.parameters, [line.verdict for line in study.lines])
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qup.compare.changes import Change, between
from qup.compare.page import html
from qup.compare.reading import Published
from qup.compare.sources import everything, named
from qup.compare.tables import Side, changed, sides
from qup.paper import paper
from qup.report.numbers import to_json

__all__ = ["Comparison", "Published", "compare", "everything", "html"]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Some studies side by side."""

    published: list[Published]
    changes: list[Change] | None
    "Settings that differ, of two studies of which both are known; else None."

    @property
    def sides(self) -> list[Side]:
        """The tables."""
        pair = [each.name for each in self.published]
        return [*sides(self.published), *([changed(pair, self.changes)] if len(pair) == 2 else [])]

    @property
    def summary(self) -> dict[str, Any]:
        """The same as JSON."""
        studies = [to_json(each) for each in self.published]
        for study in studies:
            del study["made"]["settings"]
        rows = {
            name: {"ours": [each.name for each in self.published if (each.row or each.name) == name]} | to_json(row)
            for name, row in paper().rows.items()
        }
        told = {"rows": rows, "contradictions": paper().contradictions, "open": paper().open}
        return {"studies": studies, "paper": told, "changes": to_json(self.changes)}


def compare(names: Sequence[str], results: Path) -> Comparison:
    """The studies, folders or experiments of these names; without a name all that are published.

    Raises:
        SettingsError: there is none of a name, or its report cannot be read.
    """
    published = named(names, results) if names else everything(results)
    known = [each.made.settings for each in published if each.made.settings]
    two = len(published) == len(known) == 2
    return Comparison(published, between(*known) if two else None)
