"""Embeddings: the vectors of a graph's nodes, by node type and by name."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .._core import checks
from .._core import html as _html
from .._core.checks import as_floats, described
from .._core.doors import as_ids
from .._core.near import did_you_mean
from .._core.optional import optional
from .._core.shared import is_shared, unshared
from ..errors import FileFormatError, InputError
from ..graph.view import NODE_TYPE
from . import formats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Embeddings", "embed", "embeddings_of"]


class Embeddings:
    """Vectors of all nodes of a graph, detached from model and graph.

    Args:
        tensor: One row for each node, node types in alphabetical order one after the other, ``(N, d)``.
        num_nodes: Number of nodes of each type; None for an untyped graph.
        names: Names of the nodes of each type, in the order of their ids; None where nodes have ids only.

    Example:
        >>> emb = Embeddings(torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]), names={"_N": ["a", "b", "c"]})
        >>> emb
        Embeddings(3 nodes, 2 dimensions)
        >>> [name for name, similarity in emb.most_similar("a", k=2)]
        ['b', 'c']
        >>> emb["c"], emb[["a", "c"]].shape, emb.numpy().shape, emb.node_types
        (tensor([0., 1.]), torch.Size([2, 2]), (3, 2), ['_N'])
        >>> emb.id_of("b", "_N"), emb.type_of("b"), emb.start_of("_N"), emb.labels_of("_N"), list(emb.to_pandas())
        (1, '_N', 0, ['a', 'b', 'c'], ['type', 'id', 'name', '0', '1'])
        >>> from tempfile import mkdtemp
        >>> Embeddings.load(emb.save(f"{mkdtemp()}/emb.parquet")).names
        {'_N': ['a', 'b', 'c']}
    """

    def __init__(
        self,
        tensor: Tensor,
        num_nodes: Mapping[str, int] | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.tensor = as_floats("tensor", tensor, "vectors, shape (num_nodes, dimensions)", dims=2)
        self.num_nodes = _counts(num_nodes, len(self.tensor))
        if sum(self.num_nodes.values()) != len(self.tensor):
            raise InputError("tensor", f"{len(self.tensor)} rows", f"{sum(self.num_nodes.values())}, one for each node")
        self.names = _names(names, self.num_nodes)
        self._ids: dict[str, dict[str, int]] = {}

    @property
    def node_types(self) -> list[str]:
        """Node types, alphabetical."""
        return list(self.num_nodes)

    def __len__(self) -> int:
        return len(self.tensor)

    def __iter__(self) -> Iterator[str]:
        return iter(self.num_nodes)

    def __contains__(self, node_type: object) -> bool:
        return node_type in self.num_nodes

    def __getitem__(self, which: str | int | Sequence[int | str]) -> Tensor:
        """Vectors of a node type, of a node, or of several nodes.

        Args:
            which: A node type; or the name of a node, where no type is called so, or its id where there is one type; or
                a list of names or ids.

        Returns:
            ``(num_nodes[which], d)`` for a type, ``(d,)`` for a node, ``(len(which), d)`` for a list.

        Raises:
            InputError: No such type or node; a name that nodes of several types have.
        """
        if isinstance(which, int) and not isinstance(which, bool):
            return self.tensor[self._row(which, self.type_of(which))]
        if not isinstance(which, str):
            expected = "a node type, a node's name or id, or a list of them"
            rows = [self._row(node, self.type_of(node)) for node in checks.several("which", which, expected)]
            return self.tensor[torch.tensor(rows, dtype=torch.int64, device=self.tensor.device)]
        if which in self.num_nodes:
            start = self.start_of(which)
            return self.tensor[start : start + self.num_nodes[which]]
        types = [node_type for node_type in self.names if which in self._ids_of(node_type)]
        if not types:
            raise self._unknown(which)
        return self.tensor[self._row(which, self.type_of(which))]

    @property
    def shape(self) -> torch.Size:
        """Nodes and dimensions, ``(N, d)``."""
        return self.tensor.shape

    def numpy(self) -> np.ndarray:
        """All vectors as an array ``(N, d)``; on the CPU it shares their memory."""
        return self.tensor.detach().cpu().numpy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        found = self.numpy()
        if copy is False and dtype is not None and np.dtype(dtype) != found.dtype:
            raise ValueError(f"vectors of dtype {found.dtype} become {np.dtype(dtype)} by a copy alone")
        return found.astype(found.dtype if dtype is None else dtype, copy=bool(copy))

    # torch.as_tensor takes what has these two.
    def __dlpack__(self, **options: Any) -> Any:
        return self.tensor.detach().__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.tensor.__dlpack_device__()

    def most_similar(
        self, node: int | str, k: int = 10, node_type: str | None = None, among: str | None = None
    ) -> list[tuple[int | str, float]]:
        """The nodes whose vectors point the most alike, by cosine similarity.

        Args:
            node: Id within its type, or name.
            k: How many; all others when there are fewer.
            node_type: Type of ``node``; may be left out where there is one type, or where one type alone has
                the name.
            among: Type to search, by default that of ``node``.

        Returns:
            Name (or id, where nodes have no names) and cosine from -1 to 1, most similar first; of equal ones
            the lower id first. The node itself is left out.

        Raises:
            InputError: No such node or type; vectors with NaN or infinite entries, which are near to nothing.
        """
        checks.integer("k", k)
        node_type = self.type_of(node, node_type)
        index = self.id_of(node, node_type)
        among = node_type if among is None else checks.choice("among", among, self.num_nodes)
        vectors = F.normalize(self[among].float(), dim=1)
        cosine = vectors @ F.normalize(self[node_type][index].float(), dim=0)
        if not bool(torch.isfinite(cosine).all()):
            raise self._unfit(among, node_type, index)
        if among == node_type:
            cosine[index] = -torch.inf
        found = torch.argsort(cosine, descending=True, stable=True)[:k].tolist()
        labels = self.names.get(among)
        return [(labels[i] if labels else i, float(cosine[i])) for i in found if among != node_type or i != index]

    def _unfit(self, among: str, node_type: str, index: int) -> InputError:
        """The error that tells which vector has no direction."""
        kind, row = (node_type, index)
        if bool(torch.isfinite(self[node_type][index]).all()):
            kind, row = among, int((~torch.isfinite(self[among])).any(1).nonzero()[0])
        return InputError(
            "tensor",
            f"NaN or infinite entries in the vector of {self.labels_of(kind)[row]!r}",
            "finite vectors",
            "a training whose loss became NaN leaves such vectors: lower its learning rate",
        )

    def scored(self, node: int | str, ids: Sequence[int], node_type: str, among: str) -> list[tuple[int | str, float]]:
        """Some nodes of type ``among``, most similar to ``node`` first, as :meth:`most_similar` returns them."""
        vectors = F.normalize(self[among][list(ids)].float(), dim=1)
        cosine = vectors @ F.normalize(self[node_type][self.id_of(node, node_type)].float(), dim=0)
        order = sorted(range(len(ids)), key=lambda place: (-float(cosine[place]), ids[place]))
        labels = self.names.get(among)
        return [(labels[ids[place]] if labels else ids[place], float(cosine[place])) for place in order]

    def to_pandas(self) -> pd.DataFrame:
        """A DataFrame with a row for each node: type, id, name, and the dimensions as columns ``0`` to ``d - 1``."""
        pandas = optional("pandas", "Embeddings.to_pandas")
        index = pandas.DataFrame(
            {
                "type": np.repeat(self.node_types, list(self.num_nodes.values())),
                "id": np.concatenate([np.arange(count) for count in self.num_nodes.values()]),
                "name": [name for node_type in self for name in self.labels_of(node_type)],
            }
        )
        vectors = pandas.DataFrame(self.tensor.detach().cpu().numpy())
        return pandas.concat([index, vectors.rename(columns=str)], axis=1)

    def save(self, path: str | Path) -> Path:
        """Write the embeddings to a file; the old file stays in place until the new one is whole.

        Args:
            path: ``.parquet`` (columns id, type, name, vector), ``.npz`` (arrays vectors, types, counts, names)
                or ``.safetensors`` (a tensor for each type, names as metadata); or, without an ending, a folder of
                one or several of the last and an index, as :func:`graphembed_ext.distributed.save` writes it.

        Returns:
            The path.
        """
        return formats.write(formats.Table(self.tensor, self.num_nodes, self.names), checks.path("path", path))

    @classmethod
    def load(cls, path: str | Path) -> Embeddings:
        """Read what :meth:`save` wrote; no code is run from the file.

        Raises:
            FileFormatError: Not such a file.
        """
        table = formats.read(checks.path("path", path))
        try:
            return cls(*table)
        except InputError as error:
            raise FileFormatError("path", f"{path} ({error})", "a file written by Embeddings.save") from error

    def labels_of(self, node_type: str) -> list[str]:
        """Names of the nodes of a type; their ids as text where they have none."""
        self.start_of(node_type)
        return self.names.get(node_type) or [str(node) for node in range(self.num_nodes[node_type])]

    def start_of(self, node_type: str) -> int:
        """Row of the first node of a type."""
        start = 0
        if not isinstance(node_type, str):
            raise self._unknown(node_type)
        for name, count in self.num_nodes.items():
            if name == node_type:
                return start
            start += count
        raise self._unknown(node_type)

    def _unknown(self, name: Any) -> InputError:
        known = [*self.num_nodes, *(label for labels in self.names.values() for label in labels)]
        hint = did_you_mean(name, known) if isinstance(name, str) else ""
        return InputError("node_type", name, "one of " + ", ".join(map(repr, self.num_nodes)), hint)

    def _ids_of(self, node_type: str) -> dict[str, int]:
        """The id of each name of a type."""
        if node_type not in self._ids:
            self._ids[node_type] = {name: i for i, name in enumerate(self.names.get(node_type, ()))}
        return self._ids[node_type]

    def _row(self, node: int | str, node_type: str) -> int:
        return self.start_of(node_type) + self.id_of(node, node_type)

    def type_of(self, node: int | str | None = None, node_type: str | None = None) -> str:
        """The type of a node: the one given, or else the only one that fits; without a node, the only one there is."""
        if node_type is not None:
            self.start_of(node_type)
            return node_type
        if node is not None:
            _check_node(node)
        types = self.node_types
        if isinstance(node, str) and len(types) > 1:
            types = [name for name in types if node in self._ids_of(name)]
        if len(types) != 1:
            hint = "" if node is None else f"{node!r} alone is not enough"
            raise InputError("node_type", "nothing", "one of " + ", ".join(map(repr, self.num_nodes)), hint)
        return types[0]

    def id_of(self, node: int | str, node_type: str) -> int:
        """The id of a node within its type, by name or id; checked."""
        self.start_of(node_type)
        _check_node(node)
        if isinstance(node, str):
            ids = self._ids_of(node_type)
            if node not in ids:
                raise InputError("node", node, "the name of a node", did_you_mean(node, ids))
            return ids[node]
        if not 0 <= node < self.num_nodes[node_type]:
            raise InputError("node", node, f"an id from 0 to {self.num_nodes[node_type] - 1}")
        return int(node)

    def __repr__(self) -> str:
        if self.node_types == [NODE_TYPE]:
            return f"Embeddings({len(self)} nodes, {self.tensor.size(1)} dimensions)"
        counts = ", ".join(f"{name} {count}" for name, count in self.num_nodes.items())
        return f"Embeddings({counts}; {self.tensor.size(1)} dimensions)"

    def _repr_html_(self) -> str:
        """What a notebook shows: nodes and size by type."""
        width = self.tensor.size(1)
        rows = [
            (
                "nodes" if kind == NODE_TYPE else kind,
                count,
                width,
                _html.size_of(count * width * self.tensor.element_size()),
                ", ".join(self.names.get(kind, [])[:3]),
            )
            for kind, count in self.num_nodes.items()
        ]
        return _html.table("Embeddings", ["type", "nodes", "dimensions", "size", "names"], rows)


def embeddings_of(emb: Any, argument: str = "emb") -> Embeddings:
    """Return ``emb`` when it is embeddings; functions that write or search them check so what they are given."""
    if not isinstance(emb, Embeddings):
        raise InputError(argument, described(emb), "embeddings, as ge.embed returns and Embeddings.load reads them")
    return emb


def _check_node(node: Any) -> None:
    if not isinstance(node, (str, numbers.Integral)) or isinstance(node, bool):
        raise InputError("node", node, "the name of a node, or its id", "emb[[...]] has the vectors of several")


def _counts(num_nodes: Any, rows: int) -> dict[str, int]:
    """Number of nodes by type, types in alphabetical order."""
    if num_nodes is None:
        return {NODE_TYPE: rows}
    given = checks.mapping("num_nodes", num_nodes, "a dict: the number of nodes of each type") or {NODE_TYPE: rows}
    for node_type, count in given.items():
        checks.text("num_nodes", node_type, "node types that are strings")
        checks.integer(f"num_nodes[{node_type!r}]", count, minimum=0)
    return {node_type: int(given[node_type]) for node_type in sorted(given)}


def _names(names: Any, counts: Mapping[str, int]) -> dict[str, list[str]]:
    """Names of the nodes by type; of a type, each its own."""
    found = {}
    given = {} if names is None else checks.mapping("names", names, "a dict: names of the nodes of each type")
    for node_type, labels in given.items():
        checks.choice("names", node_type, counts)
        found[node_type] = list(map(str, checks.several(f"names[{node_type!r}]", labels, "a list of names")))
        if len(found[node_type]) != counts[node_type]:
            got = f"{len(found[node_type])} names for type {node_type!r}"
            raise InputError("names", got, f"{counts[node_type]} names")
        if len(set(found[node_type])) < counts[node_type]:
            seen: set[str] = set()
            twice = next(name for name in found[node_type] if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            raise InputError("names", f"two nodes of type {node_type!r} called {twice!r}", "a name for each node")
    return found


def embed(
    model: Any, graph: Any = None, nodes: Sequence[int | str] | Mapping[str, Sequence[int | str]] | None = None
) -> Embeddings:
    """The embeddings a model has learned, as a copy that further training leaves alone.

    They are the outputs of the model's last layer: for GraphSAGE with ``out_channels`` these are the scores of the
    classes, for HAN the vectors that its classifier reads. :func:`graphembed_ext.predict` has the classes of both.

    Args:
        model: A model of this package.
        graph: Graph to embed, of either host: the one trained on or, with an inductive model, another one. Walk
            models embed the graph they were built on and take None; of several processes each has to call this.
        nodes: Names or ids of the nodes that are wanted, by node type where there are several; None for all. The result
            has their vectors in this order, named as in the graph, or else by their ids.

    Raises:
        InputError: A graph or nodes that the model does not have.

    Example:
        >>> import graphembed_ext as ge
        >>> ge.embed(ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4), nodes=[1])["1"].shape
        torch.Size([4])
        >>> ge.embed(ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4))
        Embeddings(2 nodes, 4 dimensions)
    """
    found = _embedded(model, graph)
    return found if nodes is None else _of_nodes(found, nodes)


def _of_nodes(emb: Embeddings, nodes: Sequence[int | str] | Mapping[str, Sequence[int | str]]) -> Embeddings:
    """The vectors of some nodes, named as before, or by their ids."""
    chosen = nodes if isinstance(nodes, Mapping) and nodes else {emb.type_of(): nodes}
    ids = {kind: _ids_among(emb, kind, chosen[kind]) for kind in sorted(chosen) if emb.type_of(node_type=kind)}
    parts = [emb[kind][torch.tensor(of_kind, dtype=torch.int64)] for kind, of_kind in ids.items()]
    labels = {kind: emb.labels_of(kind) for kind in ids}
    names = {kind: [labels[kind][node] for node in of_kind] for kind, of_kind in ids.items()}
    return Embeddings(torch.cat(parts), {kind: len(of_kind) for kind, of_kind in ids.items()}, names)


def _ids_among(emb: Embeddings, kind: str, nodes: Any) -> list[int]:
    """Ids of nodes of a type that are given by names, or by ids."""
    named = isinstance(nodes, (list, tuple)) and any(isinstance(node, str) for node in nodes)
    return [emb.id_of(node, kind) for node in (nodes if named else as_ids(nodes, "nodes").tolist())]


def _embedded(model: Any, graph: Any) -> Embeddings:
    if getattr(model, "task", "skip_gram") not in ("skip_gram", "own_loop"):
        return model.embeddings(graph)
    computes = hasattr(model, "embeddings")
    if not computes and not (hasattr(model, "node_embed") and hasattr(model, "view")):
        raise InputError("model", f"a {type(model).__name__}", "a model of graphembed_ext")
    if graph is not None and graph is not getattr(model, "g", None):
        expected = f"None: {type(model).__name__} embeds the graph it was built on"
        raise InputError("graph", f"a {type(graph).__name__}", expected)
    if computes:
        return model.embeddings()
    table, view = model.node_embed.weight.detach(), model.view
    return Embeddings(unshared(table) if is_shared(table) else table.clone(), view.num_nodes, view.names)
