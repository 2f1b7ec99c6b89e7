"""What a file is, by its ending or, where that says nothing, by its content."""

from __future__ import annotations

import zipfile

from ..errors import FileFormatError
from .graph_file import KINDS
from .json_files import is_lines
from .sources import Source

__all__ = ["TEXT", "kind_of"]

#: Endings of text tables of edges.
TEXT = (".csv", ".tsv", ".txt", ".edgelist", ".edges")
#: Endings of text tables that only some programs use: RecBole, MovieLens, Planetoid, igraph, Cytoscape, LINQS.
_TABLES = (
    ".inter",
    ".kg",
    ".link",
    ".dat",
    ".data",
    ".base",
    ".test",
    ".ncol",
    ".el",
    ".rel",
    ".cites",
    ".tab",
    ".psv",
)

_MAGIC = {
    b"PAR1": ".parquet",
    b"\x93NUMPY": ".npy",
    b"MATLAB 5.0": ".mat",
    b"%%MatrixMarket": ".mtx",
    b"*Vertices": ".net",
    b"*vertices": ".net",
    b"graph [": ".gml",
    b"Creator ": ".gml",
}
#: Endings of files whose readers do not unpack them.
_WHOLE = (".parquet", ".mat", ".npy", ".npz", ".bin", ".dgl", ".pt")
#: Endings of what is no table, whatever it seems to hold.
_DOCUMENTS = (".doc", ".docx", ".pdf", ".rtf", ".html", ".htm", ".md", ".py", ".png", ".jpg", ".zip", ".tar")
#: Endings of JSON: of graphs, and of records line by line.
_JSON = (".json", ".jsonl", ".ndjson")
_EXCEL = (".xls", ".xlsx", ".xlsm", ".ods")


def kind_of(source: Source, known: tuple[str, ...], told: bool) -> str:
    """The ending by which to read a file.

    Args:
        source: The file.
        known: Endings that there are readers for.
        told: Whether a person said which.

    Raises:
        FileFormatError: A file that is of no kind that can be read.
    """
    if source.kind in _JSON:
        return _json(source)
    if source.kind in known:
        if (source.packed and source.kind in _WHOLE) or (source.kind in TEXT and _is_zip(source)):
            raise _of_no_kind(source)
        return source.kind
    if source.kind in _EXCEL:
        raise FileFormatError(source.name, "an Excel workbook", "a text table", "save the sheet as CSV in Excel")
    if source.kind in _DOCUMENTS:
        raise _of_no_kind(source)
    if told:
        raise FileFormatError(source.name, f"the format {source.kind.removeprefix('.')!r}", KINDS)
    return _by_content(source, known)


def _by_content(source: Source, known: tuple[str, ...]) -> str:
    """The ending by which to read a file whose own says nothing."""
    start = source.start()
    found = _by_magic(source, start)
    if found in known:
        return found
    if start.lstrip().startswith((b'{"', b'[{"', b'[["')):
        return _json(source)
    if _is_binary(start) or start.lstrip().startswith((b"{", b"[", b"<")):
        raise _of_no_kind(source)
    usual = source.kind in _TABLES or source.standard or source.path.name.startswith("out.")
    return ".txt" if usual else ".unknown"


def _json(source: Source) -> str:
    """``".json"`` for a graph of nodes and links, ``".jsonl"`` for records."""
    start = source.start(1 << 16).lstrip()
    records = start.startswith(b"[") or is_lines(start.decode(errors="replace")) or source.kind == ".ndjson"
    return ".jsonl" if records else ".json"


def _by_magic(source: Source, start: bytes) -> str:
    """The ending of what begins so; empty for other files."""
    text = start.lstrip()
    if start.startswith(b"PK"):
        return _in_zip(source)
    if text.startswith(b"<"):
        return next((f".{name}" for name in ("graphml", "gexf") if f"<{name}".encode() in start), "")
    return next((kind for magic, kind in _MAGIC.items() if text.startswith(magic)), "")


def _is_binary(start: bytes) -> bool:
    wide = start.startswith((b"\xff\xfe", b"\xfe\xff"))  # UTF-16
    return start.startswith((b"PK", b"\x80")) or (b"\0" in start and not wide)


def _is_zip(source: Source) -> bool:
    if not source.start(4).startswith(b"PK\x03\x04"):
        return False
    raise FileFormatError(source.name, "a zip file, such as Excel's, and no text", "a text table", "save it as CSV")


def _in_zip(source: Source) -> str:
    try:
        with zipfile.ZipFile(source.path) as file:
            names = file.namelist()
    except (zipfile.BadZipFile, OSError):
        return ""
    if names and all(name.endswith(".npy") for name in names):
        return ".npz"
    return ".pt" if any(name.endswith("data.pkl") for name in names) else ""


def _of_no_kind(source: Source) -> FileFormatError:
    return FileFormatError(
        source.name,
        f"a file ending in {source.path.suffix or 'nothing'}",
        KINDS,
        "--input-format says what kind of file it is, as csv or graphml do",
    )
