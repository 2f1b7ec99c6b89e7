"""Graphs from files: edge lists, matrices, saved graphs of both hosts, PyG's datasets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._core import checks
from ..errors import FileFormatError, InputError
from ..graph.folder import is_prepared
from ..graph.view import NODE_TYPE
from . import matrices as matrix_files
from .adjacency import read_lists
from .columns import says_roles
from .datasets import names_dataset, read_dataset
from .declared import with_tables
from .dense import from_dense, may_be_dense
from .edge_lists import BIPARTITE, Gathered, Part, Types, read_edges
from .folders import read_folder
from .graph_file import GraphFile, without_weights
from .judging import TEXT, kind_of
from .neo4j import from_apoc
from .networks import NETWORKS, read_network
from .numbering import assembled
from .options import Reading, check_words, files_given
from .prepared import read_prepared
from .saved import PICKLES, read_dgl, read_pyg, refuse_pickle
from .skipping import read_without
from .sources import STDIN, Source
from .tables import Table, open_table
from .text import TextTable
from .titles import is_number

__all__ = [
    "KNOWN",
    "MATRICES",
    "TABLES",
    "files_of",
    "is_dataset",
    "lone_of",
    "open_source",
    "part_of",
    "read_graph",
    "read_part",
    "relation_of",
    "table_source",
]

#: Endings of tables of edges, of matrices, and of all files that there are readers for.
TABLES = (*TEXT, ".parquet", ".jsonl", ".adjlist", ".unknown")
MATRICES = (".mat", ".mtx", ".npy", ".npz")
_SAVED = (".bin", ".dgl", ".pt")
KNOWN = (*TABLES[:-1], *MATRICES, *_SAVED, *NETWORKS, *PICKLES)
#: Nodes up to which a dense matrix is looked for in a text table.
_MOST_DENSE = 5000


def read_graph(
    source: str | Path | Sequence[str | Path],
    *,
    directed: bool = False,
    root: str | Path | None = None,
    mat_key: str | None = None,
    header: bool | None = None,
    bipartite: bool | None = None,
    input_format: str | None = None,
    columns: str | Mapping[str, Any] | None = None,
    delimiter: str | None = None,
    comment: str | None = None,
    encoding: str | None = None,
    weight: bool = True,
    nodes: str | Path | Sequence[str | Path] = (),
    skip_bad: int = 0,
) -> GraphFile:
    """Read a graph from files, or a PyG dataset by name.

    Edge lists (``.csv``, ``.tsv``, ``.txt``, ``.edgelist``, ``.edges``, ``.parquet``, endings of MovieLens, RecBole,
    SNAP and KONECT; text also with ``.gz``, ``.bz2``, ``.xz`` or ``.zst``)
        Column titles such as ``source`` and ``target``, ``head``, ``relation`` and ``tail``, ``user_id`` and
        ``item_id`` say which columns are the ends of edges, wherever they stand; without titles the first two columns
        are, unless the columns look otherwise. Columns titled ``weight``, or a third column of numbers, have the
        weights. Columns titled ``source_type`` and ``target_type``, and perhaps ``relation``, make a typed graph;
        unless ``directed``, it gets a relation ``rev_...`` back for each between two types. A file that leaves open
        what is what is refused. Nodes are numbered in numerical order where all names are whole numbers, otherwise
        in order of first appearance.
    Adjacency lists (``.adjlist``, also packed)
        On each line a node and its neighbours; in ``.sif`` of Cytoscape a relation between them.
    Records (``.jsonl``, ``.json`` of a list)
        An object for each edge, whose keys are titles, or a list of two names.
    Networks (``.graphml``, ``.gexf``, ``.gml``, ``.net`` of Pajek, ``.json`` of nodes and links, also packed)
        Nodes are named by their labels where each has one of its own. See :mod:`graphembed_ext.readers.networks`.
    Matrices (``.mtx`` of MatrixMarket, also packed; ``.mat`` up to version 7.2; ``.npz`` of SciPy or NumPy; ``.npy``)
        An adjacency matrix, or with ``bipartite`` one of users and items, and, in ``.mat`` files under ``group``,
        labels. Weights are kept unless all are 1. See :mod:`graphembed_ext.readers.matrices`.
    Saved graphs (``.bin``, ``.dgl`` from ``dgl.save_graphs``; ``.pt`` from ``torch.save`` of Data or HeteroData)
        As they are. Node features named ``y``, ``label`` or ``labels`` are taken for labels.
    Folders
        What ``graphembed prepare`` wrote, whose edges stay on the disk; or
        Neo4j's import files (tables with ``:ID`` and with ``:START_ID``, titles in files ``...-header.csv`` or not),
        OGB's raw files, or files ``part-...``. APOC's ``all.csv`` of nodes and relationships is read as a file.
    Datasets of :mod:`torch_geometric.datasets` (``Planetoid/Cora``, ``DBLP``, ``KarateClub``)
        From files that are there already; nothing is downloaded. Their readers may unpickle raw files, so name
        only folders that you trust. No other source runs code.

    Edges of edge lists and matrices that are listed several times become one, their weights added up; unless
    ``directed``, each then stands in both directions, with the larger weight where both were listed.

    Args:
        source: File, ``"-"`` for standard input, or name of a dataset with its variant after a slash; or several
            files of edges, which are joined. ``"user,buys,item=orders.csv"`` says the types of a file's edges.
        directed: Whether the edges of an edge list or a matrix have a direction.
        root: Folder of a dataset, as its class takes it.
        mat_key: Key of the adjacency matrix in a MATLAB file. None takes ``network``, or else the only square
            matrix that is sparse.
        header: Whether the first line of a table has column titles; None finds out.
        bipartite: Whether the two ends of an edge list are users and items, which are different nodes even where
            their names are equal: node types ``user`` and ``item``, relation ``to``. None goes by the titles, and by
            the first line of KONECT's files.
        input_format: Ending to read the file by, such as ``"adjlist"``, instead of its own.
        columns: Columns by role, by title or by number from 1, as in ``"source=from,target=3,weight=n"`` or a mapping.
            Roles are source, target, weight, relation, source-type and target-type.
        delimiter: What stands between cells; ``" "`` for any white space. None finds out.
        comment: What lines to pass over begin with, wherever they stand, ``""`` for none. None passes over lines that
            begin with ``#`` or ``%`` before the first row.
        encoding: Encoding of the text; None for UTF-8.
        weight: False reads no weights. Where some are negative or blank, none are read either, and ``trouble`` of the
            result is the error for what needs them.
        nodes: Tables whose first column, or the one titled ``node`` or ``id``, names nodes that may have no edges;
            ``"TYPE=FILE"`` for a typed graph. Their columns of numbers become the features ``x``, a column titled
            ``label``, ``class``, ``y``, ``genres`` or the like the labels ``y``, one titled ``split``, or masks, the
            masks ``train_mask`` and so on. Notes say which column was taken for what.
        skip_bad: Lines of each text table, or rows of JSON or Parquet, that may be left out, as they have another
            number of cells than the first, no node at an end, or a weight that is no number; in tables of ``nodes``
            also as they have no node, one for the second time, or a split that is none. Notes say which were.

    Raises:
        FileFormatError: A file that is missing, damaged, not what its name says, or that leaves open what it means;
            names the line where it can, and the way out.
        InputError: Another argument that cannot work.
        MissingDependencyError: A DGL graph without DGL.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "friends.csv"
        >>> _ = path.write_text("source,target\\nAda,Bob\\nBob,Cleo\\n")
        >>> graph = read_graph(path)
        >>> graph.view
        GraphView(none: 3 nodes, 4 edges)
        >>> graph.names["_N"]
        ['Ada', 'Bob', 'Cleo']
    """
    reading = Reading.of(columns, delimiter, comment, encoding, header, weight, skip_bad)
    check_words(input_format=input_format, mat_key=mat_key)
    checks.flag("directed", directed)
    if bipartite is not None:
        checks.flag("bipartite", bipartite)
    nodes = files_given("nodes", nodes)
    graph = _edges_of(files_of(source), reading, directed, root, mat_key, bipartite, input_format)
    return with_tables(graph if weight else without_weights(graph), nodes, reading)


def _edges_of(
    files: Sequence[tuple[Types | None, str | Path]],
    reading: Reading,
    directed: bool,
    root: str | Path | None,
    mat_key: str | None,
    bipartite: bool | None,
    input_format: str | None,
) -> GraphFile:
    """The graph of the source alone."""
    lone = lone_of(files)
    whole = None if lone is None else _whole(lone, reading, directed, root, bipartite, input_format)
    if whole is not None:
        return whole
    parts = []
    for types, name in files:
        part = read_part(types, name, lone is not None, reading, directed, bipartite, input_format, mat_key)
        if isinstance(part, GraphFile):
            return part
        parts.append(part)
    return assembled(parts, directed)


def _whole(
    name: str | Path,
    reading: Reading,
    directed: bool,
    root: str | Path | None,
    bipartite: bool | None,
    input_format: str | None,
) -> GraphFile | None:
    """The graph of a folder or of a data set; None of a file."""
    path = Path(name).expanduser()
    if is_prepared(path):
        return read_prepared(path, directed, bipartite)
    if path.is_dir() and not _is_of_dataset(path, name, root):
        return read_folder(path, reading, directed, bipartite)
    return read_dataset(str(name), root) if path.is_dir() or is_dataset(name, input_format) else None


def _is_of_dataset(path: Path, name: str | Path, root: str | Path | None) -> bool:
    """Whether a folder has the name of a data set, whose files its class has left in it."""
    return (root is not None or (path / "raw").is_dir()) and names_dataset(name)


def read_part(
    types: Types | None,
    name: str | Path,
    lone: bool,
    reading: Reading,
    directed: bool,
    bipartite: bool | None,
    input_format: str | None,
    mat_key: str | None,
    gather: Callable[[], Gathered] = Gathered,
) -> Part | GraphFile:
    """The edges of a file; a whole graph where it is no table of edges and stands alone."""
    source = open_source(name, reading, input_format)
    kind = kind_of(source, KNOWN, input_format is not None)
    if kind not in TABLES:
        if not lone:
            raise FileFormatError(source.name, f"a file ending in {kind}", "edge lists alone where there are several")
        return _single(source.path, kind, mat_key, directed, bool(bipartite))
    found, left_out = read_without(
        source, reading.skip_bad, lambda: part_of(source, kind, reading, types, bipartite, directed, gather=gather)
    )
    if isinstance(found, GraphFile):
        return replace(found, notes=(*found.notes, *left_out))
    found.notes += left_out
    return found


def files_of(source: str | Path | Sequence[str | Path]) -> list[tuple[Types | None, str | Path]]:
    """Files, and the types of the edges that each has."""
    given = files_given("source", source)
    if not given:
        raise InputError("input", "no file", "at least one")
    return [relation_of(text) for text in given]


def lone_of(files: Sequence[tuple[Types | None, str | Path]]) -> str | Path | None:
    """The file that stands alone and whose types nobody says."""
    return files[0][1] if len(files) == 1 and files[0][0] is None else None


def is_dataset(name: str | Path, input_format: str | None) -> bool:
    """Whether a name is of no file, and one that a dataset may have."""
    path = Path(name)
    if str(name) == STDIN or path.expanduser().exists():
        return False
    if path.suffix or path.is_absolute() or input_format is not None:
        raise FileFormatError(str(name), "the name of a file that does not exist", "an existing file or folder")
    return True


def relation_of(text: str | Path) -> tuple[Types | None, str | Path]:
    """``source type,relation,target type=FILE`` as types and file; types are None where a file stands alone.

    Example:
        >>> relation_of("user,buys,item=orders.csv"), relation_of("orders.csv")
        ((('user', 'buys', 'item'), 'orders.csv'), (None, 'orders.csv'))
    """
    before, equals, file = str(text).partition("=")
    words = [word.strip() for word in before.split(",")]
    if not equals or len(words) != 3 or not all(words) or Path(text).expanduser().exists():
        return None, text
    return (words[0], words[1], words[2]), file


def open_source(name: str | Path, reading: Reading, input_format: str | None) -> Source:
    """A file, or standard input, opened.

    Raises:
        FileFormatError: No such file, or one that cannot be read.
    """
    path = name if str(name) == STDIN else Path(name).expanduser()
    if isinstance(path, Path) and not path.is_file():
        what = "a folder" if path.is_dir() else "the name of a file that does not exist"
        raise FileFormatError(str(name), what, "an existing file")
    try:
        return Source(path, reading.encoding, input_format)
    except OSError as error:
        raise FileFormatError(str(name), f"a file that cannot be read ({error.strerror})", "a readable file") from error


def part_of(
    source: Source,
    kind: str,
    reading: Reading,
    types: Types | None,
    bipartite: bool | None,
    directed: bool | None = None,
    known: Collection[str] = (),
    gather: Callable[[], Gathered] = Gathered,
) -> Part | GraphFile:
    """The edges of a table; a whole graph where it is a dense matrix, which is looked for if ``directed`` is given."""
    lists = read_lists(source, kind, reading, types or (BIPARTITE if bipartite else None))
    if lists is not None:
        return lists
    source.kind = kind
    try:
        table = open_table(source, reading)
        if directed is not None and types is None and not reading.columns:
            found = _dense(table, directed, bool(bipartite))
            found = from_apoc(table, reading, directed) if found is None else found
            if found is not None:
                return found
        return read_edges(table, reading.of_edges(), types, bipartite, known, gather)
    except FileFormatError as error:
        if kind != ".unknown":
            raise
        raise _of_unknown(error) from error


def _of_unknown(error: FileFormatError) -> FileFormatError:
    """An error of a file that was read as a table only because nothing tells what it is."""
    hint = "--input-format says what kind of file it is, such as csv, graphml or adjlist"
    hints = f"{error.hint}; {hint}" if error.hint else hint
    return FileFormatError(error.argument, error.got, error.expected, hints)


def _dense(table: Table, directed: bool, bipartite: bool) -> GraphFile | None:
    """The graph of a dense matrix; None of another table."""
    found = from_dense(_all_cells(table), table.name, directed, bipartite)
    if found is None:
        return None
    matrix, names = found
    return GraphFile(
        matrix.view, {NODE_TYPE: names}, matrix.labels, matrix.weight, matrix.notes, directed, trouble=matrix.trouble
    )


def _all_cells(table: Table) -> list[list[str]]:
    """All cells of a table that may be a dense matrix; none of another."""
    if not isinstance(table, TextTable) or table.width > _MOST_DENSE or says_roles(table.rows[0]):
        return []
    if table.whole:
        return table.rows if may_be_dense(len(table.rows), table.width) else []
    if len(table.rows) > table.width + 1 or not all(map(is_number, table.rows[1][1:])):
        return []
    return _at_most(table.width + 1, table)


def _at_most(most: int, table: Table) -> list[list[str]]:
    """The rows of a table; none where it has more than so many."""
    rows: list[list[str]] = []
    for chunk in table.chunks(range(table.width)):
        rows += map(list, zip(*(column.to_pylist() for column in chunk), strict=True))
        if len(rows) > most:
            return []
    return rows


def _single(path: Path, kind: str, mat_key: str | None, directed: bool, bipartite: bool) -> GraphFile:
    try:
        if kind in MATRICES:
            found = matrix_files.read_matrix(path, kind, mat_key, directed, bipartite)
            there = None if kind == ".npz" else directed
            return GraphFile(found.view, None, found.labels, found.weight, found.notes, there, trouble=found.trouble)
        if kind in NETWORKS:
            return read_network(path, kind, directed, bipartite)
        if kind in PICKLES:
            refuse_pickle(path)
        return read_dgl(path) if kind in (".bin", ".dgl") else read_pyg(path)
    except OSError as error:
        raise FileFormatError(str(path), f"a file that cannot be read ({error.strerror})", "a readable file") from error


def table_source(source: str | Path, reading: Reading, input_format: str | None = None) -> Source | None:
    """The file of a table of edges; None where the name is of another kind of file, of a folder or of a dataset."""
    if Path(source).expanduser().is_dir() or is_dataset(source, input_format):
        return None
    opened = open_source(source, reading, input_format)
    opened.kind = kind_of(opened, KNOWN, input_format is not None)
    return opened if opened.kind in TABLES and opened.kind != ".adjlist" else None
