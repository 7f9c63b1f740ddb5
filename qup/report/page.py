"""The report as Markdown and as one HTML file that loads nothing, both from the same sections."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qup.report import backing, details, view
from qup.report.view import Cell, Section, Table

TEMPLATE = Path(__file__).with_name("page.html.jinja")


def _sections(summary: dict[str, Any], plots: Mapping[str, Any]) -> list[Section]:
    drawn = Section("Plots", plots=list(plots))
    return [*view.sections(summary), *backing.sections(summary), drawn, *details.sections(summary)]


def lead(summary: dict[str, Any]) -> str:
    """One line under the title: the size of what was run."""
    study, samples = summary["study"], summary["samples"]
    seeds = len(study["seeds"])
    parts = [f"{len(summary['arms'])} arms", f"{len(summary['oracles'])} Oracle{'s' * (len(summary['oracles']) != 1)}"]
    parts += [f"{samples['problems']} training problems", f"{seeds} training seed{'s' * (seeds != 1)}"]
    accuracy = summary["base"].get("accuracy", {})
    if accuracy.get("value") is not None:
        parts.append(f"{accuracy['n']} held-out problems, Avg@{study['k']}")
    interval = f"Every interval is {100 * study['level']:g}%; its n counts problems unless it says arms or seeds."
    return f"{', '.join(parts)}. {interval}"


def markdown(summary: dict[str, Any], plots: Mapping[str, Any]) -> str:
    """The report as Markdown; plots are the SVG files that stand beside it."""
    parts = [f"# {summary['study']['title']}", lead(summary)]
    for section in _sections(summary, plots):
        parts += [f"## {section.title}", *section.paragraphs]
        for headline, sentences in section.findings:
            parts += [f"**{headline}**", "\n".join(f"- {text}" for text in sentences)]
        if section.bullets:
            parts.append("\n".join(f"- {text}" for text in section.bullets))
        for table in section.tables:
            parts += [table.caption] if table.caption else []
            parts.append(_markdown_table(table))
        parts += [f"![{name}]({name}.svg)" for name in section.plots]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
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


def html(summary: dict[str, Any], plots: Mapping[str, Any]) -> str:
    """The report as one HTML page with the plots inside; needs no script and no network."""
    import jinja2
    import markupsafe

    env = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    env.filters["inline"] = lambda text: markupsafe.Markup(_inline(str(markupsafe.escape(text))))
    pictures = {name: markupsafe.Markup(_embedded(plot.svg)) for name, plot in plots.items()}
    template = env.from_string(TEMPLATE.read_text(encoding="utf-8"))
    shown = _sections(summary, plots)
    return template.render(title=summary["study"]["title"], lead=lead(summary), sections=shown, plots=pictures) + "\n"


def _inline(text: str) -> str:
    """The three Markdown marks the sections use: strong, emphasis, code."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\*(.+?)\*", r"<em>\1</em>", text)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


def _embedded(svg: str) -> str:
    """An SVG for use inside HTML: without namespaces, and scaled by its box."""
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    return re.sub(r'(<svg[^>]*?) width="[\d.]+" height="[\d.]+"', r"\1", svg, count=1)
