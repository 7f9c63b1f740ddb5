"""The code blocks of README and docs, and the commands in them, for the tests that check and run them."""

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += [ROOT / folder / "README.md" for folder in ("data", "models", "results")]


@dataclass(frozen=True)
class Block:
    """A block of code."""

    page: str
    "Its path from the root."
    line: int
    "Of its first line of code; 1 is the page's first."
    language: str
    "Of the fence; `sh` where it names none, or where the block is told by its indent."
    text: str

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Fenced and indented code of a page, also within lists."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    name = page.relative_to(ROOT).as_posix()
    return [
        Block(name, (token.map or [0])[0] + 1 + (token.type == "fence"), token.info.strip() or "sh", token.content)
        for token in tokens
        if token.type in ("fence", "code_block")
    ]


def shell(page: Path) -> str:
    """The shell blocks of a page, one after the other: what a reader pastes who follows it."""
    return "\n".join(block.text for block in blocks(page) if block.language == "sh")


def commands(block: Block) -> list[str]:
    """Its command lines, without comments; one that goes on behind a backslash is one."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line for raw in lines if (line := re.sub(r"(^|\s)#.*", "", raw).strip())]
