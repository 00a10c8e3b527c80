"""Tables that other rules wrote as Markdown, read back: what nonverbal.paper.markup writes, and nothing more.

They are data, not markup: a title with asterisks stays what it is.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

NUMBER = re.compile(r"[+-]?[\d,.e+-]+( ± [\d.e+-]+)?|not available|yes|no|–|")
CELLS = re.compile(r"(?<!\\)\|")
NAMING = ("row", "group", "kind", "metric", "model", "setting")  # columns that name what the numbers are of


@dataclass
class Block:
    """A heading with rows of cells below it, or with text as it was."""

    heading: str
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    text: str = ""

    @property
    def numeric(self) -> list[bool]:
        """Whether each column holds numbers; its first never does, as it names the row."""
        return [
            place > 0 and all(map(NUMBER.fullmatch, column))
            for place, column in enumerate(zip(*self.rows, strict=True))
        ]

    @property
    def metrics(self) -> list[str]:
        """What its numbers are, down or across: tells blocks of one heading apart."""
        if self.header[:1] == ["metric"]:
            return [row[0] for row in self.rows]
        return [name for name in self.header[1:] if name not in NAMING]


@dataclass
class Document:
    """A title, blocks and notes."""

    title: str
    blocks: list[Block]
    notes: list[str]


def read_document(path: Path) -> Document:
    """Read a Markdown file of tables."""
    title, *sections = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)
    blocks = [_block(*section.split("\n", 1)) for section in sections]
    notes = [note for block in blocks if block.heading == "Notes" for note in _notes(block.text)]
    return Document(title.strip().removeprefix("# "), [block for block in blocks if block.heading != "Notes"], notes)


def _block(heading: str, body: str) -> Block:
    lines = [line for line in body.splitlines() if line.startswith("| ")]
    if not lines or body.lstrip().startswith("```"):
        return Block(heading, text=re.sub(r"^```\w*\n?", "", body.strip(), flags=re.MULTILINE).strip())
    if len(lines) < 3:  # a table without rows
        return Block(heading, text="nothing")
    header, _, *rows = ([cell.strip().replace(r"\|", "|") for cell in CELLS.split(line)[1:-1]] for line in lines)
    return Block(heading, header, rows)


def _notes(text: str) -> list[str]:
    return [line.removeprefix("* ") for line in text.splitlines() if line.startswith("* ")]
