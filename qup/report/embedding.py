"""Pictures inside a page: an SVG with a name and a description, in the colours of the page, its letters kept."""

import html
import re
from dataclasses import dataclass
from typing import Any

from qup.report.charts import INK
from qup.report.plots import View

PHONE = 350
"Pixels: what is wider is scrolled in its own frame on a phone, so that no letter shrinks."
STRETCH = 1.15
"How far a picture grows with its place."


@dataclass(frozen=True)
class Picture:
    """One picture."""

    svg: Any
    "Markup."
    label: str
    wide: bool
    "Wider than a phone."


def picture(plot: str, at: int, view: View) -> Picture:
    """A view of a plot, `at` which place among them, for use inside HTML."""
    import markupsafe

    name = f"{plot.replace('-', ' ').capitalize()}{f': {view.name}' if view.name else ''}"
    found = re.search(r'<svg[^>]*? width="([\d.]+)" height="[\d.]+"', view.svg)
    wide = float(found[1]) if found else 0.0
    size = f' style="min-width:{wide:.0f}px;max-width:{STRETCH * wide:.0f}px"'
    ids = f"{plot}-{at}-title", f"{plot}-{at}-text"
    told = f'<title id="{ids[0]}">{html.escape(name)}</title><desc id="{ids[1]}">{html.escape(view.text)}</desc>'
    svg = _bare(view.svg)
    head, _, rest = svg.partition(">")
    drawn = f'{head} role="img" aria-labelledby="{ids[0]}" aria-describedby="{ids[1]}"{size}>{told}{rest}'
    return Picture(markupsafe.Markup(drawn), name, wide > PHONE)


def _bare(svg: str) -> str:
    """Without namespaces and size, and without what Vega says of each mark: the picture is told as a whole."""
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[\d.]+" height="[\d.]+"', r"\1", svg, count=1)
    svg = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", svg)
    return svg.replace(f'fill="{INK}"', 'fill="currentColor"')
