"""What MkDocs needs to make a site of docs/ (`make docs`): links that leave the folder, and pages that no one listed.

Pages link to files of the repository as a forge shows them (`../results/index.html`). In the site such a file is a copy
below `repository/`, with all that it links to in turn: Markdown is a page, other text a page that shows it, all else
the file itself. A link that leads nowhere is left to MkDocs, which refuses it.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
DOCS, COPIES = "docs/", "repository/"
SHOWN = {
    ".py": "python",
    ".yaml": "yaml",
    ".toml": "toml",
    ".cff": "yaml",
    ".txt": "text",
    ".jinja": "text",
    "": "text",
}
"Suffix of what is shown as text to the language it is shown in."
HREF = re.compile(r'(?<=href=")(?P<to>[^"#:]+)(?=")')
"A link of a page of ours to a file of ours."
REST = "More"
"Heading of the pages that mkdocs.yml does not name."
LINK = re.compile(
    r"(?P<code>^(?P<fence> *`{3,}).*?^(?P=fence)|``.*?``|`[^`\n]+`)|\]\((?P<to>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)",
    re.MULTILINE | re.DOTALL,
)
"A link to a file of ours, or code, in which there is none."


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put pages that the contents do not name under a last heading."""
    named = set(_named(config.nav))
    rest = [path.name for path in sorted((ROOT / DOCS).glob("*.md")) if path.name not in named]
    config.nav = [*config.nav, {REST: rest}] if rest else config.nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Copy what is linked to, and what is linked to from there."""
    seen: set[str] = set()
    ahead = [DOCS + file.src_uri for file in files.documentation_pages()]
    while ahead:
        path = ahead.pop()
        if path not in seen and (ROOT / path).is_file():
            seen.add(path)
            ahead += linked(path)
    for path in sorted(seen):
        if not path.startswith(DOCS):
            files.append(_copy(path, config))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links at the copies, as seen from this page; a search finds the documentation, not the copies."""
    here = page.file.src_uri
    if here.startswith(COPIES):
        page.meta["search"] = {"exclude": True}

    def pointed(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        to = posixpath.relpath(_place(_target(_source(here), match["to"])), posixpath.dirname(here) or ".")
        return f"]({to}{match['anchor'] or ''})"

    return LINK.sub(pointed, markdown)


def linked(path: str) -> list[str]:
    """Files that a file of the repository leads to; all paths are from the root."""
    if not path.endswith((".md", ".html")):
        return []
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".html"):
        return [_target(path, match["to"]) for match in HREF.finditer(text)]
    return [_target(path, match["to"]) for match in LINK.finditer(text) if match["to"]]


def _named(nav: object) -> list[str]:
    """Every page of the contents."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else []
    return [name for part in parts for name in _named(part)]


def _target(path: str, to: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), to))


def _place(path: str) -> str:
    """Where a file of the repository is among the site's sources."""
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    return f"{COPIES}{path}{'.md' if Path(path).suffix in SHOWN else ''}"


def _source(place: str) -> str:
    """The file of the repository at a place; `.md` of a text that is shown does not matter to its folder."""
    return place.removeprefix(COPIES) if place.startswith(COPIES) else DOCS + place


def _copy(path: str, config: MkDocsConfig) -> File:
    """A file of the site's sources with what a file of the repository holds."""
    suffix = Path(path).suffix
    if suffix == ".html":
        # Markdown that it links to is a page of the site.
        text = (ROOT / path).read_text(encoding="utf-8")
        return File.generated(config, _place(path), content=HREF.sub(lambda to: re.sub(r"\.md$", ".html", to[0]), text))
    if suffix not in SHOWN:
        return File.generated(config, _place(path), abs_src_path=str(ROOT / path))
    text = (ROOT / path).read_text(encoding="utf-8")
    return File.generated(config, _place(path), content=f"# `{path}`\n\n````{SHOWN[suffix]}\n{text}````\n")
