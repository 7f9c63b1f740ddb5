"""The report as Markdown and as one HTML file that loads nothing, both from the same sections."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup.report import outline
from qup.report.condense import condensed
from qup.report.contents import Numbers
from qup.report.embedding import Picture, picture
from qup.report.explorer import marks
from qup.report.numbers import Missing, percentage
from qup.report.plots import Plot
from qup.report.sections import ways
from qup.report.sections.settings import UNSTAMPED
from qup.report.view import Card, Cell, Section, Table, Term

TEMPLATE, STYLE = (Path(__file__).with_name(name) for name in ("page.html.jinja", "page.css"))
LONG = 320
"Characters from which a paragraph that explains a section is folded."


def lead(numbers: Numbers) -> str:
    """What stands below the first screen: the size of what was run, and why a difference may have several intervals."""
    counts = {
        "arm": len(numbers.main.rows) + len(ways.beside(numbers.ways)),
        "Oracle": len(numbers.tables.groups),
        "replicate": numbers.study.replicates,
    }
    parts = [f"{count} {noun}{'s' * (count != 1)}" for noun, count in counts.items()]
    accuracy = numbers.tables.base.accuracy
    if not isinstance(accuracy, Missing):
        parts.append(f"{accuracy.n} held-out problems, Avg@{numbers.study.k}")
    level = percentage(numbers.study.level)
    return (
        f"{', '.join(parts)}. Intervals are {level} of all that is judged together, so that of one difference is wider "
        "where that is more: what to train on is judged over all arms and pairs of arms, V and C among the effects of "
        "the two-by-two, the verdict among what was declared. Intervals in pictures of arms are of one number each. "
        "n counts problems unless it says arms or replicates."
    )


def markdown(numbers: Numbers, plots: Iterable[str]) -> str:
    """The report as Markdown; plots are the SVG files that stand beside it."""
    parts = [f"# {numbers.study.title}", lead(numbers)]
    for section in outline.show(numbers, list(plots)).sections:
        parts += _markdown_section(section)
    return "\n\n".join(parts) + "\n"


def _markdown_section(section: Section) -> list[str]:
    parts = [f"## {section.title}", *section.paragraphs]
    for card in section.cards:
        parts += _markdown_card(card)
    parts += _list([_markdown_term(term) for term in section.terms])
    parts += [f"![{name}]({name}.svg)" for name in dict.fromkeys(map(outline.plot_of, section.plots))]
    for headline, sentences in section.findings:
        parts += [f"**{headline}**", *_list(sentences)]
    parts += _list(section.bullets)
    for table in section.tables:
        parts += [table.caption] if table.caption else []
        parts.append(markdown_table(table))
    return [*parts, *([f"```yaml\n{section.code}```"] if section.code else [])]


def _list(sentences: Iterable[str]) -> list[str]:
    text = "\n".join(f"- {sentence}" for sentence in sentences)
    return [text] if text else []


def _markdown_card(card: Card) -> list[str]:
    return [f"**{card.name}: {card.headline}**", *_list([*card.sentences, *card.more])]


def _markdown_term(term: Term) -> str:
    return f"**{term.name}: {term.value}** ({'; '.join(term.small.splitlines())}). {term.said} {term.definition}"


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
    """The report as one HTML page with the plots inside; asks the network for nothing."""
    panels = [f"{name}: {view.name}" for name, plot in plots.items() for view in plot.views if len(plot.views) > 1]
    contents = outline.show(numbers, [*plots, *panels])
    return render(TEMPLATE, plots, title=numbers.study.title, lead=lead(numbers), contents=contents)


def render(template: Path, plots: Mapping[str, Plot], **given: Any) -> str:
    """A page of ours from its template, which also gets the pictures to put inside, and the style that all pages have.

    Templates beside this file are there for all: `parts.html.jinja` has what pages share.
    """
    import jinja2
    import markupsafe

    folder = Path(__file__).parent
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    env.filters |= {"inline": lambda text: markupsafe.Markup(_inline(str(markupsafe.escape(text)))), "slug": slug}
    env.filters |= {"condensed": condensed, "capitalized": _capitalized}
    env.tests |= {"long": lambda text: len(text) > LONG}
    style = markupsafe.Markup("".join(path.read_text(encoding="utf-8") for path in (STYLE, marks.STYLE)))
    text = template.read_text(encoding="utf-8")
    return env.from_string(text).render(style=style, pictures=_pictures(plots), **given) + "\n"


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def stamped(page: str, line: str) -> str:
    """A study's page with a line, Markdown's marks in it, in place of the one on what made it, if it has that."""
    import markupsafe

    told = f"<p>{_inline(str(markupsafe.escape(UNSTAMPED)))}</p>"
    return page.replace(told, f"<p>{_inline(str(markupsafe.escape(line)))}</p>", 1)


def slug(title: str) -> str:
    """A title as the name of a place on the page."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _inline(text: str) -> str:
    """The three Markdown marks the sections use: strong, emphasis, code."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\*(.+?)\*", r"<em>\1</em>", text)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


@dataclass(frozen=True)
class Shown:
    """The pictures of a plot, or of one panel of it."""

    title: str
    "Of several; one alone has its own."
    pictures: list[Picture]


def _pictures(plots: Mapping[str, Plot]) -> dict[str, Shown]:
    """Each plot, and each panel by `<plot>: <panel>`."""
    found: dict[str, Shown] = {}
    for name, plot in plots.items():
        drawn = {view.name: picture(name, at, view) for at, view in enumerate(plot.views)}
        title = plot.title if len(drawn) > 1 else ""
        found |= {name: Shown(title, list(drawn.values()))}
        found |= {f"{name}: {panel}": Shown("", [each]) for panel, each in drawn.items() if len(drawn) > 1}
    return found
