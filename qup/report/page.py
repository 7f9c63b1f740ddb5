"""The report as Markdown and as one HTML file that loads nothing, both from the same sections."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from qup.report import contents
from qup.report.contents import Numbers
from qup.report.explorer import marks
from qup.report.numbers import Missing, percentage
from qup.report.plots import Plot
from qup.report.view import Cell, Section, Table

TEMPLATE, STYLE = (Path(__file__).with_name(name) for name in ("page.html.jinja", "page.css"))


def lead(numbers: Numbers) -> str:
    """One line under the title: the size of what was run."""
    counts = {
        "arm": len(numbers.main.rows),
        "Oracle": len(numbers.tables.groups),
        "replicate": numbers.study.replicates,
    }
    parts = [f"{count} {noun}{'s' * (count != 1)}" for noun, count in counts.items()]
    accuracy = numbers.tables.base.accuracy
    if not isinstance(accuracy, Missing):
        parts.append(f"{accuracy.n} held-out problems, Avg@{numbers.study.k}")
    level = percentage(numbers.study.level)
    return f"{', '.join(parts)}. Every interval is {level}; its n counts problems unless it says arms or replicates."


def markdown(numbers: Numbers, plots: Iterable[str]) -> str:
    """The report as Markdown; plots are the SVG files that stand beside it."""
    parts = [f"# {numbers.study.title}", lead(numbers)]
    for section in contents.show(numbers, list(plots)):
        parts += _markdown_section(section)
    return "\n\n".join(parts) + "\n"


def _markdown_section(section: Section) -> list[str]:
    parts = [f"## {section.title}", *section.paragraphs]
    for headline, sentences in section.findings:
        parts += [f"**{headline}**", *(["\n".join(f"- {sentence}" for sentence in sentences)] if sentences else [])]
    if section.bullets:
        parts.append("\n".join(f"- {bullet}" for bullet in section.bullets))
    for table in section.tables:
        parts += [table.caption] if table.caption else []
        parts.append(markdown_table(table))
    return [*parts, *(f"![{name}]({name}.svg)" for name in section.plots)]


def markdown_table(table: Table) -> str:
    """A table as Markdown."""
    names = _full_names(table)
    head = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    return "\n".join([*head, *(f"| {' | '.join(map(_markdown_cell, row))} |" for row in table.rows)])


def _full_names(table: Table) -> list[str]:
    """Column names with their group's in front, as Markdown has one head row."""
    spans = [text for text, count in table.groups for _ in range(count)] or [""] * len(table.columns)
    return [f"{group}: {name}" if group else name for group, name in zip(spans, table.columns, strict=True)]


def _markdown_cell(cell: Cell) -> str:
    text = f"{cell.text} {cell.small}" if cell.small else cell.text
    return text.replace("|", "\\|").replace("\n", " ")


def html(numbers: Numbers, plots: Mapping[str, Plot]) -> str:
    """The report as one HTML page with the plots inside; needs no script and no network."""
    sections = contents.show(numbers, list(plots))
    return render(TEMPLATE, plots, title=numbers.study.title, lead=lead(numbers), sections=sections)


def render(template: Path, plots: Mapping[str, Plot], **given: Any) -> str:
    """A page of ours from its template, which also gets the plots to put inside, and the style that all pages have."""
    import jinja2
    import markupsafe

    env = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    env.filters["inline"] = lambda text: markupsafe.Markup(_inline(str(markupsafe.escape(text))))
    pictures = {name: markupsafe.Markup(_embedded(plot.svg)) for name, plot in plots.items()}
    style = markupsafe.Markup("".join(path.read_text(encoding="utf-8") for path in (STYLE, marks.STYLE)))
    text = template.read_text(encoding="utf-8")
    return env.from_string(text).render(style=style, plots=pictures, **given) + "\n"


def _inline(text: str) -> str:
    """The three Markdown marks the sections use: strong, emphasis, code."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\*(.+?)\*", r"<em>\1</em>", text)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


def _embedded(svg: str) -> str:
    """An SVG for use inside HTML: without namespaces, and scaled by its box."""
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    return re.sub(r'(<svg[^>]*?) width="[\d.]+" height="[\d.]+"', r"\1", svg, count=1)
