"""What a text table is written like: its comments, its delimiter, its quotation marks."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import FileFormatError
from .columns import says_ends
from .options import Reading
from .quotes import goes_on, lame_quote
from .titles import is_number

__all__ = ["DELIMITERS", "Dialect", "dialect_of", "one_space", "refuse_other_text", "spaced", "without_lines"]

#: Delimiters and what messages call them; ``" "`` is any white space.
DELIMITERS = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "::": "'::'",
    "|": "'|'",
    " ": "spaces or tabs",
}

_MARKS = ("#", "%")
_AS_SPACE = bytes.maketrans(b"\t\r", b"  ")
#: Lines that the delimiter is told from.
_SAMPLE = 200


@dataclass
class Dialect:
    """How a table is written.

    Attributes:
        delimiter: What stands between cells; ``" "`` for any white space.
        quotes: Whether cells may stand in quotation marks.
        preamble: Number of lines before the first row.
        comments: The comments among them.
        before: Delimiters to put before the first row, which lacks the title of a first column, as R writes it.
        behind: Delimiters to put behind the first row, which lacks those that end all others.
    """

    delimiter: str
    quotes: bool = True
    preamble: int = 0
    comments: list[str] = field(default_factory=list)
    before: str = ""
    behind: str = ""

    @property
    def name(self) -> str:
        """What messages call the delimiter."""
        return DELIMITERS.get(self.delimiter, repr(self.delimiter))

    @property
    def separator(self) -> str:
        """The one character that Arrow is given; a longer delimiter is replaced by the unit separator."""
        return self.delimiter if len(self.delimiter) == 1 else "\x1f"

    def cells(self, line: str) -> list[str]:
        """What stands between the delimiters of a line, quotation marks and all."""
        return line.split() if self.delimiter == " " else line.split(self.delimiter)


def dialect_of(name: str, kind: str, head: str, reading: Reading, what: str) -> Dialect:
    """The dialect of a text.

    Args:
        name: Of the file, for messages.
        kind: Its ending, such as ``".csv"``.
        head: Its first lines.
        reading: What a person said.
        what: What each line should have, for the message about an empty file.

    Raises:
        FileFormatError: An empty file, or delimiters that leave it open where cells end.
    """
    lines = head.split("\n")
    preamble, comments, told = _preamble(lines, reading.comment)
    body = _rows(lines[preamble:], reading.comment)
    if not body:
        hint = "--comment '' takes lines that begin with # or % for data" if comments else ""
        raise FileFormatError(name, "an empty file but for comments" if comments else "an empty file", what, hint)
    delimiter = reading.delimiter or told or _delimiter(name, kind, body[:_SAMPLE])
    found = Dialect(delimiter, True, preamble, comments)
    found.quotes = delimiter in (",", ";") or _well_quoted(body[:_SAMPLE], delimiter)
    _refuse_parted(name, found, body, reading)
    _refuse_doubtful_comments(name, found, body, reading)
    _mend_header(found, body[:_SAMPLE])
    return found


def refuse_other_text(name: str, head: str) -> None:
    """Pages, JSON and the like are text, but no tables."""
    start = head[:2000].lstrip().lower()
    kinds = {
        "<!doctype html": ("a web page (HTML)", "the file was not downloaded but a page in its place"),
        "<html": ("a web page (HTML)", "the file was not downloaded but a page in its place"),
        "<?xml": ("XML", "--input-format graphml or gexf reads graphs in XML"),
        '{"': ("JSON", "--input-format json reads nodes and links, --input-format jsonl records of edges"),
        '[{"': ("JSON", "--input-format json reads nodes and links, --input-format jsonl records of edges"),
        "{\n": ("JSON", "--input-format json reads nodes and links, --input-format jsonl records of edges"),
        "pk\x03\x04": ("a zip file, such as Excel's", "save the table as CSV"),
    }
    if re.match(r"\|[^\n]*\|\s*\n\s*\|[\s:|-]*-{3}", start):
        kinds["|"] = ("a table of Markdown", "save the table as CSV")
    lines = [line.strip() for line in start.split("\n")[:3] if line.strip()]
    if lines and all(re.fullmatch(r"\([^()]*,[^()]*\),?|\[[^\[\]]*,[^\[\]]*\],?", line) for line in lines):
        kinds[lines[0]] = ("lines in brackets", "write the lines without them; JSON of pairs is read from .json")
    for mark, (what, hint) in kinds.items():
        if start.startswith(mark):
            raise FileFormatError(name, what, "a text table such as an edge list (.csv, .tsv, .txt)", hint)


def _preamble(lines: list[str], comment: str | None) -> tuple[int, list[str], str]:
    """Lines before the first row, the comments among them, and the delimiter that Excel's first line tells."""
    marks = _MARKS if comment is None else (comment,) if comment else ()
    comments: list[str] = []
    for number, line in enumerate(lines):
        text = line.strip()
        told = re.fullmatch(r'"?sep=(.)"?', line.strip("\r ")) if number == 0 else None
        if told:
            return 1, [], told[1]
        if text and not text.startswith(marks):
            return number, comments, ""
        if text:
            comments.append(text)
    return len(lines), comments, ""


def _rows(lines: list[str], comment: str | None) -> list[str]:
    """Lines that are not blank and no comments."""
    rows = [line for line in lines if line.strip()]
    return [line for line in rows if not line.lstrip().startswith(comment)] if comment else rows


def one_space(text: bytes) -> bytes:
    """Lines with one space between cells and none around them."""
    text = text.translate(_AS_SPACE)
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text.replace(b"\n ", b"\n").replace(b" \n", b"\n").strip(b" ")


def spaced(text: bytes) -> bytes:
    """As :func:`one_space`; the braces at the end of networkx's lines go."""
    return one_space(text).replace(b" {}\n", b"\n").removesuffix(b" {}")


def without_lines(text: bytes, mark: bytes, alone: bool) -> bytes:
    """Text without the lines that begin with a mark, or, ``alone``, with it and white space behind it."""
    if mark not in text:
        return text

    def goes(line: bytes) -> bool:
        start = line.lstrip()
        return start.startswith(mark) and (
            not alone or not start[len(mark) :].strip() or start[len(mark) :][:1].isspace()
        )

    return b"\n".join(b"" if goes(line) else line for line in text.split(b"\n"))


def _well_quoted(lines: list[str], delimiter: str) -> bool:
    """Whether every cell that begins with a quotation mark ends with one, so that the marks are no part of names."""
    quoted = [line for line in lines if '"' in line]
    if delimiter == " ":
        return all(not goes_on(spaced(line.encode()).decode(), False, " ") for line in quoted)
    return all(map(_closed, [cell.strip() for line in quoted for cell in line.split(delimiter)])) or _over_lines(
        lines, delimiter
    )


def _closed(cell: str) -> bool:
    """Whether a cell that begins with a mark ends with one, too."""
    return not cell.startswith('"') or (len(cell) > 1 and cell.endswith('"'))


def _over_lines(lines: list[str], delimiter: str) -> bool:
    """Whether cells in quotation marks run over lines, so that all rows are of one width."""
    if len(delimiter) > 1 or lame_quote(["\n".join(lines).encode()], delimiter) is not None:
        return False
    return len(set(_widths(lines, delimiter))) == 1


def _refuse_parted(name: str, found: Dialect, body: list[str], reading: Reading) -> None:
    """Refuse a line of ``#`` alone amid others: it parts nodes from edges."""
    if reading.comment is None and found.delimiter == " " and any(line.strip() == "#" for line in body[1:-1]):
        raise FileFormatError(
            name,
            "a line of '#' alone amid the others, as in Trivial Graph Format",
            "an edge on each line",
            "the lines behind it are an edge list: save them by themselves; --comment '#' passes over this line",
        )


def _refuse_doubtful_comments(name: str, found: Dialect, body: list[str], reading: Reading) -> None:
    """A first line ``#tag,#other`` may be an edge of hashtags: where later names begin so too, a person must say."""
    if reading.comment is not None or found.delimiter == " " or not found.comments:
        return
    last, width = found.comments[-1], _widths(body[:1], found.delimiter)[0]
    alike = len(last) > 1 and not last[1].isspace() and _widths([last], found.delimiter)[0] == width
    marked = last[0]
    if alike and any(cell.startswith(marked) for line in body for cell in line.split(found.delimiter)):
        raise FileFormatError(
            f"{name}, line {found.preamble}",
            f"{last!r}, which may be a comment or names",
            "a file that leaves no doubt",
            f"--comment '' takes it for names, --comment '{marked}' for a comment",
        )


def _mend_header(found: Dialect, body: list[str]) -> None:
    widths = _widths(body, found.delimiter)
    if len(widths) < 2 or len(set(widths[1:])) != 1 or widths[1] != widths[0] + 1 or widths[0] < 2:
        return
    cells = found.cells(body[0])
    if any(is_number(cell.strip('" ')) for cell in cells):
        return
    if all(line.rstrip().endswith(found.delimiter) for line in body[1:]):
        found.behind = found.separator
    else:
        found.before = '""' + found.separator


def _widths(lines: list[str], delimiter: str) -> list[int]:
    """Numbers of cells of the rows."""
    return [len(row) for row in _split(lines, delimiter)]


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == " ":
        lines = [" ".join(line.removesuffix("{}").split()) for line in lines]
    if len(delimiter) > 1 or '"' not in "".join(lines):
        return [line.split(delimiter) for line in lines]
    try:
        return list(filter(None, csv.reader([line + "\n" for line in lines], delimiter=delimiter)))
    except csv.Error:  # cells of more than the 128 KB that Python takes
        return [line.split(delimiter) for line in lines]


def _delimiter(name: str, kind: str, lines: list[str]) -> str:
    if kind == ".tsv" and "\t" in lines[0]:
        return "\t"
    if re.search(r"^[^,;\t{]*[ \t]\{.*\}$", lines[0]):  # networkx writes the data of edges as a dict
        return " "
    there = "".join(lines)
    shares = {mark: _share(_widths(lines, mark)) for mark in ("\t", "::", ";", ",", "|") if mark in there}
    even = [mark for mark, share in shares.items() if share == 1]
    blank = _share(_widths(lines, " "))
    return _settled(name, kind, lines, even, blank) if even else _likely(kind, lines, shares, blank)


def _likely(kind: str, lines: list[str], shares: Mapping[str, float], blank: float) -> str:
    """The delimiter of a file that none splits evenly: that of most lines, or white space."""
    likely = max(shares, key=lambda mark: shares[mark], default="")
    if likely and (shares[likely] > 0.5 or (blank < 1 and shares[likely] > 0)):
        return likely
    mixed = kind != ".csv" or (blank == 1 and all(map(is_number, lines[0].split())))
    return " " if mixed else ","


def _share(widths: list[int]) -> float:
    """The share of rows that have as many cells as most, a header aside; 0 where these are of one cell."""
    width, count = Counter(widths).most_common(1)[0]
    if width < 2:
        return 0.0
    of_r = len(widths) > 2 and widths[0] + 1 == width and count == len(widths) - 1
    return 1.0 if of_r else count / len(widths)


def _settled(name: str, kind: str, lines: list[str], even: list[str], blank: float) -> str:
    """The delimiter of a file that one or several split evenly.

    Raises:
        FileFormatError: Several, of which nothing tells the right one.
    """
    titled = [mark for mark in even if says_ends(_split(lines[:1], mark)[0])]
    if len(titled) == 1:
        return titled[0]
    if "::" in even:
        return "::"
    even = _outer(even, lines)
    if even == [","] and kind != ".csv" and blank == 1 and _spaces_too(lines):
        even = [",", " "]
    if len(even) == 1:
        return even[0]
    raise _several(name, lines[0], even)


def _outer(even: list[str], lines: list[str]) -> list[str]:
    """Delimiters without those that stand inside of cells where there is another: commas in numbers, and ``|``."""
    for mark, is_inner in ((",", _inner(lines)), ("|", True)):
        if len(even) > 1 and is_inner:
            even = [other for other in even if other != mark]
    return even


def _several(name: str, first: str, even: list[str]) -> FileFormatError:
    shown = " or ".join(DELIMITERS[mark] for mark in even)
    return FileFormatError(
        f"{name}, line 1",
        f"{first[:60]!r}, which {shown} may separate",
        "one delimiter",
        f"--delimiter '{even[0]}' names it" if even[0] != "\t" else "--delimiter tab names it",
    )


def _spaces_too(lines: list[str]) -> bool:
    """Whether lines that commas split have as many spaces each, so that names with commas are as likely."""
    cells = _split(lines, ",")
    spaces = all(any(" " in cell.strip() for cell in row) for row in cells)
    return spaces and not _inner(lines, r",\s") and not says_ends(cells[0])


def _inner(lines: list[str], pattern: str = r"\d,\d|,\s") -> bool:
    """Whether all commas stand as they do inside of cells: in decimal numbers, or before a space."""
    return all(len(re.findall(pattern, line)) == line.count(",") for line in lines)
