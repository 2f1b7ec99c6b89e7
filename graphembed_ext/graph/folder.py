"""Prepared graphs: a folder of arrays that opens in milliseconds and is read from the disk as it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from torch import Tensor

from .._core import checks
from .._core.files import settled
from .._core.mapped import mapped, scratch
from ..errors import FileFormatError
from .adjacency import Adjacency
from .csr import OrderedCSR
from .features import dense_features
from .folder_files import METADATA, feature_path, write_rows, written
from .view import EDGE_TYPE, NODE_TYPE, EdgeType, GraphView

__all__ = ["FolderView", "PreparedWriter", "description_of", "is_prepared", "open_graph", "write_view"]

#: Version of the format that this writes, the only one that it reads.
FORMAT = 1
#: Where the description of a graph stands in its metadata, beside what GraphBolt's raw layout has.
_OURS = "graphembed"
_AGAIN = "graphembed prepare makes it anew"


class _Relation(NamedTuple):
    """The arrays of an edge type."""

    ends: tuple[Tensor, Tensor]
    csr: OrderedCSR
    incoming: Adjacency
    features: dict[str, Tensor]


@dataclass(frozen=True, eq=False, repr=False)
class FolderView(GraphView):
    """A :class:`GraphView` of a prepared folder; made by :func:`open_graph`.

    Ids of edges and neighbours are int32 where that is wide enough. Edges are numbered in ascending order of source and
    destination.

    Attributes:
        folder: The folder.
        description: What its metadata say.
    """

    folder: Path = Path()
    description: Mapping[str, Any] = field(default_factory=dict)
    _relations: Mapping[EdgeType, _Relation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for edge_type, relation in self._relations.items():
            self._keep_csr(edge_type, relation.csr)
            self._keep(("in-edges", edge_type), relation.incoming)
        if not self.is_typed and self._relations:
            self._keep_csr(None, self._relations[EDGE_TYPE].csr)

    def _keep_csr(self, edge_type: EdgeType | None, csr: OrderedCSR) -> None:
        for name in ("csr", "narrow csr"):
            self._keep((name, edge_type), csr)

    def _keep(self, key: Any, value: Any) -> None:
        self.cached(key, lambda: value)

    def _check(self, edges: Mapping[EdgeType, tuple[Tensor, Tensor]], counts: Mapping[str, int]) -> None:
        """Nothing: they were checked when they were written, and a look at all of them would read the whole file."""

    @property
    def mapped(self) -> bool:
        """True: edges are read from the disk as they are needed."""
        return True

    def room(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """On the disk, for as long as the tensor lives."""
        return scratch(self.folder, shape, dtype)

    @property
    def fingerprint(self) -> str:
        """Of nodes, edges and their features."""
        return str(self.description["fingerprint"])

    def with_features(
        self,
        features: Mapping[str, Mapping[str, Tensor]] | None = None,
        edge_features: Mapping[EdgeType, Mapping[str, Tensor]] | None = None,
    ) -> FolderView:
        """As :meth:`GraphView.with_features`; the edges stay on the disk."""
        return FolderView(
            self.num_nodes,
            self.edges,
            self.features if features is None else features,
            self.edge_features if edge_features is None else edge_features,
            folder=self.folder,
            description=self.description,
            _relations=self._relations,
        )

    def __getstate__(self) -> dict[str, Any]:
        # Whoever takes the view up opens the folder: arrays of the disk are not sent.
        return {
            "folder": self.folder,
            "fingerprint": self.fingerprint,
            "features": _others(self.features, self.description["features"]),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        found = open_graph(state["folder"])
        if found.fingerprint != state["fingerprint"]:
            raise FileFormatError(str(state["folder"]), "another graph than before", "the graph that was there")
        features = {kind: {**found.features[kind], **given} for kind, given in state["features"].items()}
        for name, value in vars(found.with_features({**found.features, **features})).items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return super().__repr__().replace("GraphView(none", f"GraphView({self.folder.name}", 1)


def _others(features: Mapping[str, Mapping[str, Tensor]], files: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """Features that do not come from the folder."""
    own = {(entry["type"], entry["name"]) for entry in files}
    return {
        kind: {name: value for name, value in given.items() if (kind, name) not in own}
        for kind, given in features.items()
    }


def open_graph(folder: str | Path) -> FolderView:
    """Open a graph that :func:`graphembed_ext.prepare` wrote: in milliseconds, whatever its size.

    Edges, and features in files of their own, are read from the disk as they are needed and are shared by all processes
    of a machine that open the folder. Models, walks (by the engine ``"torch"``), samplers and loaders take the view as
    they take any graph, and give the same bits as with the graph in memory. What weighted draws need of every edge is
    made on the disk, too, 20 bytes an edge for walks and 8 for samplers, and 4 for walks along metapaths, in files that
    end with the process. GraphSAGE on the whole graph takes memory for each node. LightGCN takes it for each edge, and
    is refused where there is not enough.

    Args:
        folder: The folder.

    Raises:
        FileFormatError: A folder that is no prepared graph, that is half-written or damaged, or of another version.

    Example:
        >>> import tempfile, torch, graphembed_ext as ge
        >>> folder = Path(tempfile.mkdtemp()) / "path.graph"
        >>> _ = ge.prepare(torch.tensor([[0, 1, 2], [1, 2, 0]]), folder)
        >>> graph = ge.open_graph(folder)
        >>> graph
        GraphView(path.graph: 3 nodes, 3 edges)
        >>> ge.walks.random_walk(graph, torch.tensor([1]), 4, engine="torch").nodes
        tensor([[1, 2, 0, 1]])
    """
    path = checks.path("folder", folder, "the name of a folder").expanduser()
    description = description_of(path)
    relations = {tuple(entry["type"]): _opened(path / entry["folder"], entry, description["nodes"])
                 for entry in description["relations"]}  # fmt: skip
    features: dict[str, dict[str, Tensor]] = {}
    for entry in description["features"]:
        features.setdefault(entry["type"], {})[entry["name"]] = mapped(path / entry["path"])
    return FolderView(
        description["nodes"],
        {edge_type: relation.ends for edge_type, relation in relations.items()},
        features,
        {edge_type: relation.features for edge_type, relation in relations.items()},
        folder=path.absolute(),
        description=description,
        _relations=relations,
    )


def is_prepared(folder: Path) -> bool:
    """Whether a folder is, or should have become, a prepared graph."""
    return (folder / METADATA).is_file() or (folder.name.endswith(".part") and folder.is_dir())


def description_of(folder: Path) -> dict[str, Any]:
    """What the metadata of a prepared graph say.

    Raises:
        FileFormatError: A folder without, one that is half-written, or one of another version.
    """
    expected = "a folder that graphembed prepare wrote"
    path = folder / METADATA
    if not path.is_file():
        if folder.name.endswith(".part"):
            got = "a folder that is half-written"
            raise FileFormatError(str(folder), got, expected, "the same call of graphembed prepare goes on with it")
        got = f"a folder without {METADATA}" if folder.is_dir() else "the name of a folder that does not exist"
        raise FileFormatError(str(folder), got, expected, "graphembed prepare EDGES --output FOLDER writes one")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileFormatError(str(path), "a file that is no YAML", expected, _AGAIN) from error
    ours = found.get(_OURS) if isinstance(found, dict) else None
    if not isinstance(ours, dict) or "format" not in ours:
        raise FileFormatError(str(path), f"metadata without {_OURS!r}", expected, _AGAIN)
    if ours["format"] != FORMAT:
        raise FileFormatError(str(folder), f"version {ours['format']} of the format", f"version {FORMAT}", _AGAIN)
    return ours


def _opened(folder: Path, entry: Mapping[str, Any], nodes: Mapping[str, int]) -> _Relation:
    prefix = "" if entry["symmetric"] else "in_"
    names = ("edges", "indptr", "indices", f"{prefix}indptr", f"{prefix}indices", "in_edge_ids")
    ends, indptr, indices, in_indptr, in_indices, edge_ids = (mapped(folder / f"{name}.npy") for name in names)
    rows, columns, count = nodes[entry["type"][0]], nodes[entry["type"][2]], entry["edges"]
    found = [tuple(part.shape) for part in (ends, indptr, indices, in_indptr, in_indices, edge_ids)]
    if found != [(2, count), (rows + 1,), (count,), (columns + 1,), (count,), (count,)]:
        raise FileFormatError(str(folder), f"arrays of {found[0][-1]} edges", f"those of {count} edges", _AGAIN)
    csr = OrderedCSR(indptr, indices)
    features = {name: mapped(feature_path(folder, name)) for name in entry["features"]}
    return _Relation((ends[0], ends[1]), csr, Adjacency(in_indptr, in_indices, edge_ids, rows), features)


class PreparedWriter:
    """Writes a prepared graph: into a folder beside its place, which it takes when it is whole.

    Args:
        folder: The place.
        nodes: Number of nodes by type.
        memory: Bytes that may be used, about.
        part: The folder beside it.
    """

    def __init__(self, folder: Path, nodes: Mapping[str, int], memory: int, part: Path) -> None:
        self.folder, self.part = folder, part
        self._nodes, self._memory = dict(sorted(nodes.items())), memory
        self.relations: list[dict[str, Any]] = []
        self.features: list[dict[str, str]] = []
        self.more: dict[str, Any] = {}

    def relation(self, edge_type: EdgeType, blocks: Any, features: Mapping[str, tuple[Any, Any]]) -> Path:
        """Write the edges of a type; see :func:`graphembed_ext.graph.folder_files.written`."""
        name = "." if edge_type == EDGE_TYPE else f"edges/{len(self.relations)}"
        rows, columns = self._nodes[edge_type[0]], self._nodes[edge_type[2]]
        found = written(self.part / name, blocks, rows, columns, features, self._memory)
        self.relations.append({"type": list(edge_type), "folder": name, "features": list(features), **found})
        return self.part / name

    def feature(self, node_type: str, name: str, values: Any) -> None:
        """Write an array with a row for each node of a type."""
        path = f"nodes/{len(self.features)}_{''.join(c for c in name if c.isalnum() or c == '_')}.npy"
        (self.part / "nodes").mkdir(exist_ok=True)
        write_rows(self.part / path, values)
        self.features.append({"type": node_type, "name": name, "path": path})

    def finish(self) -> Path:
        """Write the metadata, and put the folder in its place."""
        typed = list(self._nodes) != [NODE_TYPE]
        ours = {
            "format": FORMAT,
            "fingerprint": "-".join(str(entry["fingerprint"])[:12] for entry in self.relations),
            "nodes": self._nodes,
            "relations": self.relations,
            "features": self.features,
            **self.more,
        }
        text = yaml.safe_dump({**_raw(self, typed), _OURS: ours}, sort_keys=False, allow_unicode=True)
        (self.part / METADATA).write_text(text, encoding="utf-8")
        return settled(self.part, self.folder)

    @property
    def nodes(self) -> dict[str, int]:
        """Number of nodes by type."""
        return self._nodes


def _raw(writer: PreparedWriter, typed: bool) -> dict[str, Any]:
    """The graph as GraphBolt's raw layout describes it."""
    nodes = [({"type": kind} if typed else {}) | {"num": count} for kind, count in writer.nodes.items()]
    edges, features = [], []
    for entry in writer.relations:
        kind = {"type": ":".join(entry["type"])} if typed else {}
        folder = "" if entry["folder"] == "." else f"{entry['folder']}/"
        edges.append(kind | {"format": "numpy", "path": f"{folder}edges.npy"})
        for name in entry["features"]:
            path = folder + feature_path(Path(), name).name
            features.append({"domain": "edge"} | kind | {"name": name, "format": "numpy", "path": path})
    data = [
        {"domain": "node"} | ({"type": entry["type"]} if typed else {})
        | {"name": entry["name"], "format": "numpy", "path": entry["path"], "in_memory": False}
        for entry in writer.features
    ]  # fmt: skip
    graph = {"nodes": nodes, "edges": edges, "feature_data": features}
    return {"dataset_name": writer.folder.name, "graph": graph, "feature_data": data, "tasks": []}


def write_view(writer: PreparedWriter, view: GraphView) -> None:
    """Write the edges and features of a view, its edges in ascending order of source and destination."""
    for edge_type in view.edge_types:
        edge_features = {name: value.detach().cpu().numpy() for name, value in view.edge_features[edge_type].items()}
        kinds = {name: (values.dtype, values.shape[1:]) for name, values in edge_features.items()}
        writer.relation(edge_type, _of_view(view, edge_type, edge_features), kinds)
    for kind in view.features:
        for name, value in dense_features(view, kind).items():
            writer.feature(kind, name, value.detach().cpu().numpy())


def _of_view(view: GraphView, edge_type: EdgeType, features: Mapping[str, Any]) -> Any:
    csr = view.narrow_csr(edge_type)
    rows = torch.repeat_interleave(torch.arange(len(csr.degrees)), csr.degrees.cpu()).numpy()
    indices, order = csr.indices.cpu().numpy().astype("int64"), csr.edge_ids.cpu().numpy()
    each = 1 << 20
    for low in range(0, len(rows), each):
        part = slice(low, low + each)
        yield rows[part], indices[part], {name: value[order[part]] for name, value in features.items()}
