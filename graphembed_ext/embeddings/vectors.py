"""Embeddings: the vectors of a graph's nodes, by node type and by name."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .._core import checks as _checks
from .._core import html as _html
from .._core.files import whole
from .._core.near import did_you_mean
from ..errors import FileFormatError, InputError
from ..graph.view import NODE_TYPE
from .formats import chunks, read_safetensors, write_safetensors

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Embeddings", "embed"]


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
    """

    def __init__(
        self,
        tensor: Tensor,
        num_nodes: Mapping[str, int] | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        if tensor.dim() != 2:
            raise InputError("tensor", f"shape {tuple(tensor.shape)}", "shape (num_nodes, dimensions)")
        self.tensor = tensor
        self.num_nodes = dict(sorted((num_nodes or {NODE_TYPE: len(tensor)}).items()))
        if sum(self.num_nodes.values()) != len(tensor):
            raise InputError("tensor", f"{len(tensor)} rows", f"{sum(self.num_nodes.values())}, one for each node")
        self.names = {node_type: [str(name) for name in given] for node_type, given in (names or {}).items()}
        for node_type, given in self.names.items():
            if len(given) != self.num_nodes.get(node_type):
                raise InputError(
                    "names", f"{len(given)} names for type {node_type!r}", f"{self.num_nodes.get(node_type)} names"
                )
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

    def __getitem__(self, node_type: str) -> Tensor:
        """Vectors of one node type, ``(num_nodes[node_type], d)``."""
        start = self.start_of(node_type)
        return self.tensor[start : start + self.num_nodes[node_type]]

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
        """
        _checks.integer("k", k)
        node_type = self.type_of(node, node_type)
        index = self.id_of(node, node_type)
        among = node_type if among is None else among
        vectors = F.normalize(self[among].float(), dim=1)
        cosine = vectors @ F.normalize(self[node_type][index].float(), dim=0)
        if among == node_type:
            cosine[index] = -torch.inf
        found = torch.argsort(cosine, descending=True, stable=True)[:k].tolist()
        labels = self.names.get(among)
        return [(labels[i] if labels else i, float(cosine[i])) for i in found if among != node_type or i != index]

    def scored(self, node: int | str, ids: Sequence[int], node_type: str, among: str) -> list[tuple[int | str, float]]:
        """Some nodes of type ``among``, most similar to ``node`` first, as :meth:`most_similar` returns them."""
        vectors = F.normalize(self[among][list(ids)].float(), dim=1)
        cosine = vectors @ F.normalize(self[node_type][self.id_of(node, node_type)].float(), dim=0)
        order = sorted(range(len(ids)), key=lambda place: (-float(cosine[place]), ids[place]))
        labels = self.names.get(among)
        return [(labels[ids[place]] if labels else ids[place], float(cosine[place])) for place in order]

    def to_pandas(self) -> pd.DataFrame:
        """A DataFrame with a row for each node: type, id, name, and the dimensions as columns ``0`` to ``d - 1``."""
        from .._core.optional import optional

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
                or ``.safetensors`` (a tensor for each type, names as metadata).

        Returns:
            The path.
        """
        path = Path(path)
        _writer(path)
        writers = {".parquet": self._write_parquet, ".npz": self._write_npz}
        return whole(path, writers.get(path.suffix, self._write_safetensors))

    @classmethod
    def load(cls, path: str | Path) -> Embeddings:
        """Read what :meth:`save` wrote; no code is run from the file.

        Raises:
            FileFormatError: Not such a file.
        """
        path = Path(path)
        _writer(path)
        if not path.exists():
            raise FileFormatError("path", str(path), "an existing file")
        if path.suffix == ".safetensors":
            return cls(*read_safetensors(path))
        try:
            return cls._read_parquet(path) if path.suffix == ".parquet" else cls._read_npz(path)
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise FileFormatError("path", f"{path} ({error})", "a file written by Embeddings.save") from error

    def _write_parquet(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        width = self.tensor.size(1)
        schema = [("id", pa.int64()), ("type", pa.string()), ("vector", pa.list_(pa.float32(), width))]
        if self.names:
            schema.append(("name", pa.string()))
        start, row_types = 0, np.repeat(self.node_types, list(self.num_nodes.values()))
        ids = np.concatenate([np.arange(count) for count in self.num_nodes.values()])
        names = [name for node_type in self for name in self.labels_of(node_type)] if self.names else []
        with pq.ParquetWriter(path, pa.schema(schema)) as writer:
            for rows in chunks(self.tensor):
                part = slice(start, start + len(rows))
                columns = [pa.array(ids[part]), pa.array(row_types[part])]
                columns.append(pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), width))
                if self.names:
                    columns.append(pa.array(names[part]))
                writer.write_table(pa.table(columns, schema=pa.schema(schema)))
                start += len(rows)

    @classmethod
    def _read_parquet(cls, path: Path) -> Embeddings:
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        vector = table["vector"].combine_chunks()
        tensor = torch.from_numpy(vector.flatten().to_numpy(zero_copy_only=False).copy())
        types = table["type"].to_numpy()
        kinds, counts = np.unique(types, return_counts=True)
        names = None
        if "name" in table.column_names:
            labels = table["name"].to_numpy()
            names = {str(kind): labels[types == kind].tolist() for kind in kinds}
        num_nodes = {str(kind): int(count) for kind, count in zip(kinds, counts, strict=True)}
        return cls(tensor.view(len(table), vector.type.list_size), num_nodes, names)

    def _write_safetensors(self, path: Path) -> None:
        write_safetensors({node_type: self[node_type] for node_type in self}, self.names, path)

    def _write_npz(self, path: Path) -> None:
        labels = [name for node_type in self for name in self.labels_of(node_type)] if self.names else []
        with path.open("wb") as file:
            np.savez(
                file,
                vectors=self.tensor.detach().cpu().numpy(),
                types=np.array(self.node_types),
                counts=np.array(list(self.num_nodes.values())),
                names=np.array(labels, dtype=str),
            )

    @classmethod
    def _read_npz(cls, path: Path) -> Embeddings:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            num_nodes = {str(kind): int(count) for kind, count in zip(file["types"], file["counts"], strict=True)}
            names, start = {}, 0
            for kind, count in num_nodes.items():
                names[kind] = file["names"][start : start + count].tolist()
                start += count
            return cls(torch.from_numpy(file["vectors"]), num_nodes, names if len(file["names"]) else None)

    def labels_of(self, node_type: str) -> list[str]:
        """Names of the nodes of a type; their ids as text where they have none."""
        return self.names.get(node_type) or [str(node) for node in range(self.num_nodes[node_type])]

    def start_of(self, node_type: str) -> int:
        """Row of the first node of a type."""
        start = 0
        for name, count in self.num_nodes.items():
            if name == node_type:
                return start
            start += count
        raise InputError("node_type", node_type, "one of " + ", ".join(map(repr, self.num_nodes)))

    def type_of(self, node: int | str, node_type: str | None = None) -> str:
        """The type of a node: the one given, or else the only one that fits."""
        if node_type is not None:
            self.start_of(node_type)
            return node_type
        types = self.node_types
        if isinstance(node, str) and len(types) > 1:
            types = [name for name in types if node in self.names.get(name, ())]
        if len(types) != 1:
            raise InputError(
                "node_type",
                "nothing",
                "one of " + ", ".join(map(repr, self.num_nodes)),
                f"{node!r} alone is not enough",
            )
        return types[0]

    def id_of(self, node: int | str, node_type: str) -> int:
        """The id of a node within its type, by name or id; checked."""
        if isinstance(node, str):
            if node_type not in self._ids:
                self._ids[node_type] = {name: i for i, name in enumerate(self.names.get(node_type, ()))}
            if node not in self._ids[node_type]:
                raise InputError("node", node, "the name of a node", did_you_mean(node, self._ids[node_type]))
            return self._ids[node_type][node]
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


def _writer(path: Path) -> None:
    if path.suffix not in (".parquet", ".npz", ".safetensors"):
        raise FileFormatError("path", str(path), "a name ending in .parquet, .npz or .safetensors")


def embed(model: Any, graph: Any = None) -> Embeddings:
    """The embeddings a model has learned, as a copy that further training leaves alone.

    Args:
        model: A model of this package.
        graph: Graph to embed, of either host: the one trained on or, with an inductive model, another one. Walk
            models embed the graph they were built on and take None.

    Example:
        >>> import graphembed_ext as ge
        >>> ge.embed(ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4))
        Embeddings(2 nodes, 4 dimensions)
    """
    if getattr(model, "task", "skip_gram") != "skip_gram":
        computed: Embeddings = model.embeddings(graph)
        return computed
    computes = hasattr(model, "embeddings")
    if not computes and not (hasattr(model, "node_embed") and hasattr(model, "view")):
        raise InputError("model", f"a {type(model).__name__}", "a model of graphembed_ext")
    if graph is not None and graph is not getattr(model, "g", None):
        raise InputError(
            "graph", f"a {type(graph).__name__}", f"None: {type(model).__name__} embeds the graph it was built on"
        )
    if computes:
        found: Embeddings = model.embeddings()
        return found
    return Embeddings(model.node_embed.weight.detach().clone(), model.view.num_nodes)
