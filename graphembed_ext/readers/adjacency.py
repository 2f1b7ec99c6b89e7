"""Lists of neighbours: each line has a node and its neighbours, or, in Cytoscape's, a relation between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FileFormatError
from .edge_lists import Names, Part, Types
from .options import Reading
from .sources import Source

__all__ = ["is_sif", "read_adjacency", "read_lists", "read_sif"]

#: Bytes of text that are split at once.
_CHUNK = 1 << 26


def read_lists(source: Source, kind: str, reading: Reading, types: Types | None = None) -> Part | None:
    """The edges of adjacency lists or of Cytoscape's lines; None for a file that has neither.

    Args:
        source: The file.
        kind: The ending by which to read it.
        reading: What a person said of it.
        types: Types of all edges.

    Raises:
        FileFormatError: Damaged lists.
    """
    if kind == ".adjlist":
        return read_adjacency(source.chunks(), source.name, types)
    text = b"".join(source.chunks()).decode() if source.kind == ".sif" else ""
    return read_sif(text, source.name, reading, types) if text.strip() and is_sif(text) else None


def read_adjacency(chunks: Iterable[bytes], name: str, types: Types | None = None) -> Part:
    """Read adjacency lists: on each line a node and its neighbours, separated by white space.

    Args:
        chunks: The text, in UTF-8.
        name: Of the file.
        types: Types of all edges.

    Raises:
        FileFormatError: No such lists.
    """
    names, alone, before = Names(2), list[Any](), 0
    for text in _whole_lines(chunks):
        lines = pa.array(text.split("\n"), pa.large_string())
        words, ends = _words(lines)
        _refuse_data(text, words, ends, before, name)
        before += len(lines) - 1
        counts = np.diff(ends)
        has_more, starts = counts > 1, ends[:-1]
        alone.append(words.take(pa.array(starts[counts == 1])).unique())
        heads = words.take(pa.array(starts[has_more])).dictionary_encode()
        codes = np.repeat(heads.indices.to_numpy(), counts[has_more] - 1)
        others = np.ones(len(words), bool)
        others[starts[counts > 0]] = False
        first = pa.DictionaryArray.from_arrays(pa.array(codes), heads.dictionary)
        names.add([first, words.filter(pa.array(others)).dictionary_encode()])
    found, known = names.finish()
    if not len(found[0]):
        raise FileFormatError(name, "no edges", "at least one edge")
    single = pa.chunked_array(alone, pa.large_string()).unique()
    count = pc.sum(pc.invert(pc.is_in(single, value_set=known))).as_py()
    notes = [f"{count} nodes without neighbours are left out"] if count else []
    return Part(found, known, types, None, lambda row: name, notes)


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Text in large parts, each of whole lines."""
    held, size = list[bytes](), 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size > _CHUNK and b"\n" in chunk:
            text = b"".join(held)
            end = text.rindex(b"\n") + 1
            held, size = [text[end:]], len(text) - end
            yield text[:end].decode()
    yield b"".join(held).decode()


def _words(lines: Any) -> tuple[Any, np.ndarray]:
    """The words of lines, and where those of each line begin; comments and blank lines have none."""
    lines = pc.utf8_trim_whitespace(lines)
    lines = pc.if_else(pc.match_substring_regex(lines, "^[#%]"), "", lines)
    split = pc.utf8_split_whitespace(lines)
    words, ends = split.values, split.offsets.to_numpy().astype(np.int64)
    there = pc.not_equal(words, "")  # a blank line is split into one word of no letters
    ends = np.concatenate([[0], np.cumsum(there.to_numpy(zero_copy_only=False))])[ends]
    return words.filter(there), ends


def _refuse_data(text: str, words: Any, ends: np.ndarray, before: int, name: str) -> None:
    """Refuse lines of other formats that have weights or data of edges among the names."""
    if ":" not in text and "}" not in text:
        return
    suspects = pc.match_substring_regex(words, r".+:[\d.]+$|\}$").to_numpy(zero_copy_only=False)
    for line in np.unique(np.searchsorted(ends, np.flatnonzero(suspects), side="right") - 1):
        row = words.slice(ends[line], ends[line + 1] - ends[line]).to_pylist()
        _refuse_row(row, f"{name}, line {before + line + 1}")


def _refuse_row(words: Sequence[str], where: str) -> None:
    weighted = len(words) > 1 and all(re.fullmatch(r".+:[\d.]+", word) for word in words[1:])
    found = words[1:2] if weighted else [word for word in words[1:] if word.endswith("}")]
    if found:
        raise FileFormatError(
            where,
            f"{found[0]!r}, a weight or data of an edge",
            "a node and the names of its neighbours",
            "networkx.write_adjlist writes such lists, write_weighted_edgelist edges with weights",
        )


def is_sif(head: str) -> bool:
    """Whether lines are Cytoscape's, with several targets or none on some: other such files are plain triples.

    Example:
        >>> is_sif("Ada pp Bob Cleo\\nDan\\n"), is_sif("Ada pp Bob\\nBob pp Cleo\\n")
        (True, False)
    """
    mark = "\t" if "\t" in head else None
    return {len(line.split(mark)) for line in head.split("\n") if line.strip()} != {3}


def read_sif(text: str, name: str, reading: Reading, types: Types | None = None) -> Part:
    """Read Cytoscape's lists: on each line a node, a relation and the targets, or a node alone.

    Tabs part them where there are any, otherwise spaces.

    Args:
        text: The text.
        name: Of the file.
        reading: What a person said; relations are kept apart where ``columns`` has them.
        types: Types of all edges.

    Raises:
        FileFormatError: A line of two words, or no edges.

    Example:
        >>> read_sif("Ada pp Bob Cleo", "g.sif", Reading()).names.to_pylist()
        ['Ada', 'Bob', 'Cleo']
    """
    columns, places, alone = _triples(text, name)
    if not places:
        raise FileFormatError(name, "no edges", "at least one edge")
    source, relation, target = (pa.array(column, pa.large_string()).dictionary_encode() for column in columns)
    names = Names(2)
    names.add([source, target])
    found, known = names.finish()
    apart = types is None and "relation" in reading.columns
    kinds: Any = ("node", (relation.indices.to_numpy(), relation.dictionary.to_pylist()), "node") if apart else types
    notes = ["lines of Cytoscape: a node, a relation, its targets"]
    if not apart:
        notes.append("relations of column 2 are joined (--columns relation=2 keeps them apart)")
    count = len(alone - set(known.to_pylist()))
    if count:
        notes.append(f"{count} nodes without neighbours are left out")
    return Part(found, known, kinds, None, lambda row: f"{name}, line {places[row]}", notes)


def _triples(text: str, name: str) -> tuple[tuple[list[str], list[str], list[str]], list[int], set[str]]:
    """Sources, relations and targets, the line of each, and nodes that stand alone."""
    columns: tuple[list[str], list[str], list[str]] = ([], [], [])
    alone, places = set[str](), list[int]()
    mark = "\t" if "\t" in text else None
    for number, line in enumerate(text.split("\n"), 1):
        words = [word for word in map(str.strip, line.split(mark)) if word]
        if len(words) == 2:
            expected = "a node, a relation and at least one target, or a node alone"
            raise FileFormatError(f"{name}, line {number}", f"{line.strip()[:60]!r}", expected)
        alone.update(words[:1] if len(words) == 1 else ())
        for target in words[2:]:
            for column, word in zip(columns, (words[0], words[1], target), strict=True):
                column.append(word)
            places.append(number)
    return columns, places, alone
