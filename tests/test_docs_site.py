"""The site of docs/ (`make docs`): it builds strictly, no link is dead, and no page asks the network for anything."""

import os
import re
import subprocess
import sys
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FETCHED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
"What a browser fetches by itself: element to its attribute."
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
CONFIG = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """`make docs` on a repository."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


class Reader(HTMLParser):
    """The names in a page, where it leads to, and what it fetches."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = {"", "top"}
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.names |= {value for name in ("id", "name") if (value := given.get(name))}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
        if tag in FETCHED and given.get(FETCHED[tag]) and given.get("rel") not in ("canonical", "prev", "next"):
            self.fetched.append(given[FETCHED[tag]] or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as CI builds it."""
    made = tmp_path_factory.mktemp("site")
    done = build(ROOT, made)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Reader]:
    return {page: Reader(page.read_text(encoding="utf-8")) for page in site.rglob("*.html") if page.name != "404.html"}


def test_every_page_of_docs_is_in_the_site_and_in_its_contents(site: Path, pages: dict[Path, Reader]) -> None:
    names = {page.with_suffix(".html").name for page in (ROOT / "docs").glob("*.md")}
    assert {name for name in names if not (site / name).is_file()} == set()
    assert names <= set(pages[site / "index.html"].links) | {"index.html"}


def test_no_link_in_the_site_is_dead(pages: dict[Path, Reader]) -> None:
    dead = []
    for page, seen in pages.items():
        for link in seen.links + seen.fetched:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("//"):
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            there = target.is_file() and (target not in pages or unquote(parts.fragment) in pages[target].names)
            dead += [] if there else [f"{page.name}: {link}"]
    assert dead == []


def test_no_page_asks_the_network_for_anything(site: Path, pages: dict[Path, Reader]) -> None:
    away = {address for seen in pages.values() for address in seen.fetched if re.match(r"(\w+:)?//", address)}
    assert away == set()
    styles = [style.read_text(encoding="utf-8") for style in site.rglob("*.css")]
    assert styles
    assert [found for style in styles for found in re.findall(r"url\([\"']?(?:https?:)?//[^)]*\)|@import", style)] == []
    # What the theme's script would fetch if a page had one, or if a forge were named.
    for page in pages:
        assert 'class="mermaid"' not in page.read_text(encoding="utf-8")
    assert not re.search(r"^repo_url", CONFIG, re.MULTILINE)


def test_a_search_finds_the_documentation_and_not_the_copies(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    assert '"location":"method.html' in index
    assert '"location":"repository/' not in index


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.is_file(), reason="needs Debian's chromium")
def test_a_browser_asks_this_machine_alone_and_a_search_finds_pages(site: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here, asked, faults = f"http://127.0.0.1:{server.server_port}", [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        for name in ("index", "settings", "repository/results/glassbox/report/report"):
            page.goto(f"{here}/{name}.html", wait_until="networkidle")
        page.keyboard.press("f")
        page.keyboard.type("adaptation cost", delay=20)
        first = page.locator(".md-search-result__item h1").first
        first.wait_for()
        assert first.inner_text() == "Adaptation cost"
        browser.close()
    server.shutdown()
    server.server_close()
    assert [url for url in asked if not url.startswith((here, "data:"))] == []
    assert faults == []


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A repository of one page, with our hooks and settings, and files beside its docs."""
    head, _, _ = CONFIG.partition("nav:\n")
    folder = tmp_path / "toy"
    for name, text in {
        "mkdocs.yml": f"{head}nav:\n  - index.md\n",
        "tools/site.py": (ROOT / "tools" / "site.py").read_text(encoding="utf-8"),
        "README.md": "# Ours\n\n[code](qup/code.py), [page](docs/index.md)\n",
        "qup/code.py": "ONE = 1\n",
        "docs/index.md": "# Start\n\n[README](../README.md), `[no](link.md)`\n\n```\n[nor](this.md)\n```\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_what_pages_link_to_is_copied_with_what_it_links_to_and_a_page_that_no_one_listed_stands_under_more(
    toy: Path, tmp_path: Path
) -> None:
    (toy / "docs" / "new.md").write_text("# New\n", encoding="utf-8")
    done = build(toy, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    readme = Reader((tmp_path / "site" / "repository" / "index.html").read_text(encoding="utf-8"))
    assert {"qup/code.py.html", "../index.html"} <= set(readme.links)
    assert "ONE" in (tmp_path / "site" / "repository" / "qup" / "code.py.html").read_text(encoding="utf-8")
    start = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "More" in start
    assert "new.html" in Reader(start).links


def test_dead_links_are_refused(toy: Path, tmp_path: Path) -> None:
    dead = ["nowhere.md", "../nowhere.py", "index.md#nowhere", "../README.md#nowhere"]
    text = "\n".join(f"[{i}]({link})" for i, link in enumerate(dead))
    (toy / "docs" / "index.md").write_text(f"# Start\n\n{text}\n", encoding="utf-8")
    done = build(toy, tmp_path / "site")
    assert done.returncode == 1
    assert [link for link in dead if Path(link).name.partition("#")[0] not in done.stderr] == []
    assert done.stderr.count("WARNING") == len(dead)
