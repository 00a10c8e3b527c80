"""Blocks of cells as Markdown and as LaTeX with booktabs."""

import re
from collections.abc import Sequence
from typing import NamedTuple

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "–": "--", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "-": "$-$", "<": r"\textless{}",
    ">": r"\textgreater{}", "…": r"\ldots{}", "×": r"$\times$",
}  # fmt: skip
SPECIAL = re.compile(r"\^(?P<power>-?\d+)|(?<![\w.])-(?=\d)|[\\&%$#_{}~^±–<>…×]")
FOREIGN = re.compile(r"[^\x09\x0a\x20-\x7e\u00a0-\u017f‐-’“-„…×±]")  # what LaTeX's usual fonts have no letter for
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Block(NamedTuple):
    """A heading, the column heads, and rows of as many cells."""

    heading: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def filled(block: Block) -> Block:
    """The block without the columns that are empty in every row."""
    keep = [i for i in range(len(block.header)) if any(row[i] for row in block.rows)]
    return Block(block.heading, [block.header[i] for i in keep], [[row[i] for i in keep] for row in block.rows])


def markdown(title: str, blocks: Sequence[Block], notes: Sequence[str]) -> str:
    """A title, one pipe table a block with numbers to the right, and the notes as a list."""
    parts = [f"# {title}\n"]
    for block in map(filled, blocks):
        align = ["---:" if _numeric(column) else "---" for column in zip(*block.rows, strict=True)]
        lines = [block.header, align, *block.rows]
        parts.append(
            f"## {block.heading}\n\n" + "".join("| " + " | ".join(map(_pipe, line)) + " |\n" for line in lines)
        )
    if notes:
        parts.append("## Notes\n\n" + "".join(f"* {note}\n" for note in notes))
    return "\n".join(parts)


def latex(name: str, title: str, blocks: Sequence[Block], notes: Sequence[str]) -> str:
    """A table float that needs booktabs: one tabular a block, the notes in the caption."""
    lines = [r"\begin{table}[t]", r"\centering\small", rf"\caption{{{escaped(' '.join([title + '.', *notes]))}}}"]
    lines.append(rf"\label{{tab:{name}}}")
    for block in map(filled, blocks):
        columns = list(zip(*block.rows, strict=True))
        lines += [
            rf"\begin{{tabular}}{{{''.join('r' if _numeric(column) else 'l' for column in columns)}}}",
            r"\toprule",
        ]
        lines += [rf"\multicolumn{{{len(columns)}}}{{l}}{{\textit{{{escaped(block.heading)}}}}} \\", r"\midrule"]
        lines += [
            _row(block.header),
            r"\midrule",
            *map(_row, block.rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\medskip",
        ]
        lines.append("")
    return "\n".join([*lines[:-2], r"\end{table}", ""])


def _numeric(column: Sequence[str]) -> bool:
    return all(re.fullmatch(r"[+-]?[\d,.e+-]+|not available|yes|no|–", cell) for cell in column)


def _pipe(cell: str) -> str:
    line = " ".join(cell.splitlines())  # a cell is never two
    return re.sub(r"\^(-?\d+)", lambda found: found[1].translate(SUPERSCRIPTS), line).replace("|", r"\|")


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"


def escaped(text: str) -> str:
    """Text for LaTeX: special letters escaped, `10^-3` as a power, a sign before a number as a minus.

    A letter that LaTeX's usual fonts lack is written as its code point, [U+65E5].
    """
    known = FOREIGN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
    return SPECIAL.sub(lambda found: f"$^{{{found['power']}}}$" if found["power"] else LATEX[found[0]], known)
