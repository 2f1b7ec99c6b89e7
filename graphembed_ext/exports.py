"""Embeddings in the formats of other tools: CSV, safetensors, word2vec, TensorBoard's projector, usearch; and models as
programs that run without this package: ONNX, ``torch.export``.

Vectors are written a chunk of rows at a time, so that a file takes no second copy of them in memory.
"""

from __future__ import annotations

import copy
import csv
import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ._core import checks
from ._core.files import made, whole
from ._core.optional import optional
from .embeddings.formats import chunks
from .embeddings.vectors import Embeddings, embeddings_of
from .errors import EngineError, InputError
from .graph.edges import ends
from .graph.view import EDGE_TYPE, NODE_TYPE, GraphView
from .hosts import registry

__all__ = ["FORMATS", "PROGRAMS", "export", "export_model", "words"]

#: What each format is, for help and errors.
FORMATS = {
    "parquet": "columns id, type, name, vector",
    "npz": "NumPy arrays vectors, types, counts, names",
    "safetensors": "a tensor for each node type, names as metadata",
    "csv": "a table: type, id, name, and a column for each dimension",
    "word2vec": "word2vec's text format, as gensim reads it",
    "word2vec-binary": "word2vec's binary format, as gensim reads it",
    "projector": "a folder for TensorBoard's projector: tensors.tsv, metadata.tsv, projector_config.pbtxt",
    "usearch": "an index for approximate search, one file for each node type",
}

#: What a model may become, by the ending of the file's name.
PROGRAMS = {
    ".onnx": "an ONNX file, which onnxruntime and others run without torch",
    ".pt2": "a program of torch.export, which torch runs without this package",
}

#: Format of each file name ending.
_SUFFIXES = {
    ".parquet": "parquet",
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".csv": "csv",
    ".txt": "word2vec",
    ".vec": "word2vec",
    ".w2v": "word2vec",
    ".bin": "word2vec-binary",
    ".usearch": "usearch",
}


def export(emb: Embeddings, path: str | Path, format: str | None = None) -> list[Path]:
    """Write embeddings for another tool; old files stay in place until the new ones are whole.

    ``parquet``, ``npz`` and ``safetensors`` can be read by :meth:`graphembed_ext.Embeddings.load` again. In word2vec's
    formats a word is the node's name, or its id where it has none, white space replaced by ``_``; with several node
    types, the type and a slash stand before it. An index (``usearch``) is written for each type, as
    ``stem.TYPE.usearch`` where there are several; :class:`graphembed_ext.index.NeighborIndex` reads them.

    Args:
        emb: The embeddings.
        path: File to write; a folder for ``projector``.
        format: One of :data:`FORMATS`; None tells it by the ending of the name.

    Returns:
        The files written.

    Raises:
        InputError: An unknown format; names that are equal when their white space is replaced.
        MissingDependencyError: ``usearch`` without that package.

    Example:
        >>> import tempfile, torch, graphembed_ext as ge
        >>> emb = ge.Embeddings(torch.eye(2), names={"_N": ["Ada", "Bob"]})
        >>> files = export(emb, Path(tempfile.mkdtemp()) / "emb.txt")
        >>> print(files[0].read_text(), end="")
        2 2
        Ada 1.0 0.0
        Bob 0.0 1.0
    """
    path = checks.path("path", path)
    embeddings_of(emb)
    if format is None:
        format = _SUFFIXES.get(path.suffix)
        if format is None:
            endings = ", ".join(f"{suffix} ({kind})" for suffix, kind in _SUFFIXES.items())
            raise InputError("format", f"nothing, and a name without a known ending, {path.name}", endings)
    checks.choice("format", format, FORMATS)
    if format in ("parquet", "npz", "safetensors"):
        if path.suffix != f".{format}":
            raise InputError("path", str(path), f"a name ending in .{format}")
        return [emb.save(path)]
    if format == "csv":
        return [whole(path, lambda part: _write_csv(emb, part))]
    if format == "projector":
        return _write_projector(emb, path)
    if format == "usearch":
        from .index import write_indexes

        return write_indexes(emb, path)
    from .embeddings.word2vec import write_rows

    names, width, binary = words(emb), emb.tensor.size(1), format == "word2vec-binary"
    return [whole(path, lambda part: write_rows(part, names, width, chunks(emb.tensor), binary))]


def _write_csv(emb: Embeddings, path: Path) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["type", "id", "name", *range(emb.tensor.size(1))])
        for kind in emb.node_types:
            names, start = emb.names.get(kind), 0
            for rows in chunks(emb[kind]):
                for node, row in enumerate(rows.tolist(), start):
                    table.writerow([kind, node, "" if names is None else names[node], *map(_short, row)])
                start += len(rows)


def _short(number: float) -> str:
    """The fewest digits that give the float32 again."""
    return str(np.float32(number))


def words(emb: Embeddings) -> list[str]:
    """One word for each row, without white space, all different.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> words(ge.Embeddings(torch.eye(2), names={"_N": ["Ada Lovelace", "Bob"]}))
        ['Ada_Lovelace', 'Bob']
    """
    several = len(embeddings_of(emb).node_types) > 1
    found = []
    for node_type in emb.node_types:
        prefix = f"{node_type}/" if several else ""
        names = emb.names.get(node_type) or map(str, range(emb.num_nodes[node_type]))
        found += [re.sub(r"\s", "_", prefix + name) for name in names]
    if len(set(found)) < len(found):
        seen: set[str] = set()
        twice = next(word for word in found if word in seen or seen.add(word))  # type: ignore[func-returns-value]
        raise InputError(
            "names", f"two nodes called {twice!r}", "names that differ also when white space is replaced by _"
        )
    return found


def _write_projector(emb: Embeddings, folder: Path) -> list[Path]:
    made(folder)

    def tensors(path: Path) -> None:
        with path.open("w") as file:
            for rows in chunks(emb.tensor):
                file.writelines("\t".join(map(str, row)) + "\n" for row in rows)

    def metadata(path: Path) -> None:
        with path.open("w") as file:
            file.write("name\ttype\tid\n")
            for node_type in emb.node_types:
                names = emb.names.get(node_type) or [str(i) for i in range(emb.num_nodes[node_type])]
                file.writelines(f"{_line(name)}\t{_line(node_type)}\t{i}\n" for i, name in enumerate(names))

    config = 'embeddings {\n  tensor_name: "embeddings"\n  tensor_path: "tensors.tsv"\n'
    config += '  metadata_path: "metadata.tsv"\n}\n'
    return [
        whole(folder / "tensors.tsv", tensors),
        whole(folder / "metadata.tsv", metadata),
        whole(folder / "projector_config.pbtxt", lambda path: path.write_text(config)),
    ]


def _line(name: str) -> str:
    return re.sub(r"[\t\r\n]", " ", name)


def export_model(model: Any, graph: Any, path: str | Path) -> Path:
    """Write GraphSAGE or HAN as a program for any graph like this one; the file appears once its answers are checked.

    The inputs are, by name, ``x`` (features, float32 ``(N, C)``), ``edges`` (int64 ``(2, E)``, sources above targets)
    and, where the model goes by weights, ``weights`` (``(E,)``). Of typed graphs there are ``x_TYPE`` and
    ``edges_SOURCE_RELATION_TARGET``, those of metapaths as :func:`graphembed_ext.metapath_edges` makes them. The
    outputs are what the model's ``forward`` returns, in evaluation: ``out``, or ``out_TYPE``; of GraphSAGE trained
    without labels vectors of length 1, as :func:`graphembed_ext.embed` returns them.

    The program is run on the graph, and on the graph twice side by side, and its answers are compared with the model's.

    Args:
        model: GraphSAGE, on untyped or typed graphs, or HAN, trained.
        graph: A graph of either host with features, as the model embeds; sizes may be others when the program is run.
        path: File to write, ``.onnx`` or ``.pt2`` (for ``torch.export.load``).

    Returns:
        The file.

    Raises:
        InputError: Another model, one with vectors of its own for some nodes, or another ending.
        EngineError: A model that torch cannot export, or whose program answers otherwise.
        MissingDependencyError: ``.onnx`` without onnx, onnxscript and onnxruntime: the extra ``onnx``.

    Example:
        >>> import tempfile, torch, graphembed_ext as ge
        >>> from torch_geometric.data import Data
        >>> data = Data(x=torch.randn(3, 2), edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]))
        >>> file = export_model(ge.GraphSAGE(2, 4, num_layers=1), data, Path(tempfile.mkdtemp()) / "sage.pt2")
        >>> program = torch.export.load(file).module()
        >>> (out,) = program(data.x, data.edge_index)
        >>> out.shape
        torch.Size([3, 4])
    """
    path = checks.path("path", path)
    if path.suffix not in PROGRAMS:
        expected = ", ".join(f"{suffix} ({what})" for suffix, what in PROGRAMS.items())
        raise InputError("path", str(path), f"a name ending in {expected}")
    if getattr(model, "task", "") != "nodes" or not isinstance(model, nn.Module):
        raise InputError("model", f"a {type(model).__name__}", "GraphSAGE or HAN, which compute vectors from features")
    own: Any = model
    if own.node_counts() is not None:
        got = f"a {type(model).__name__} with learned vectors of {list(own.node_counts())}"
        expected = "features for all node types: the program has none of the vectors that the model learned instead"
        raise InputError("model", got, expected)
    if path.suffix == ".onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            optional(package, "an ONNX file")
    program = _Program(copy.deepcopy(model).eval(), registry.view(graph))
    return whole(path, lambda part: part.write_bytes(_checked(program, path)))


class _Program(nn.Module):
    """A model, called with tensors alone.

    Attributes:
        names: Of the tensors: features, then edges, then weights of edges where the model goes by some.
        given: The tensors that a graph has.
        results: Names of what is returned.
    """

    def __init__(self, model: Any, view: GraphView) -> None:
        super().__init__()
        self.model, self._inputs = model, model.inputs(view)
        features, edges, weights = _parts(self._inputs)
        self._typed = isinstance(features, Mapping)
        by_kind, by_type = (features, edges) if self._typed else ({NODE_TYPE: features}, {EDGE_TYPE: edges})
        self._kinds, self._types, self.results = list(by_kind), list(by_type), list[str]()
        self.names = [self._name("x", kind) for kind in by_kind] + [self._name("edges", *kind) for kind in by_type]
        self.given = [x.dense() if hasattr(x, "dense") else x for x in by_kind.values()]
        self.given += [torch.stack(ends(graph)) for graph in by_type.values()]
        if weights is not None:
            self.names += [self._name("weights", *kind) for kind in by_type]
            self.given += [weights[kind] for kind in by_type] if self._typed else [weights]

    def _name(self, *words: str) -> str:
        return "_".join(words if self._typed else words[:1])

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """What the model returns for tensors in the order of the names."""
        places = len(self._kinds), len(self._kinds) + len(self._types)
        features, edges, weights = tensors[: places[0]], tensors[places[0] : places[1]], tensors[places[1] :]
        if self._typed:
            of_types = dict(zip(self._types, weights, strict=True)) if weights else None
            by_kind = dict(zip(self._kinds, features, strict=True))
            parts: Any = by_kind, dict(zip(self._types, edges, strict=True)), of_types
        else:
            parts = features[0], edges[0], weights[0] if weights else None
        found = self.model.logits(_with_parts(self._inputs, *parts))
        self.results = [self._name("out", kind) for kind in found]
        unit = getattr(self.model, "unit_norm", False)
        return tuple(nn.functional.normalize(rows, dim=1) if unit else rows for rows in found.values())

    def twice(self) -> list[Tensor]:
        """The tensors of the graph twice, side by side."""
        counts = dict(zip(self._kinds, map(len, self.given), strict=False))
        found = []
        for place, tensor in enumerate(self.given):
            kind = self._types[place - len(counts)] if self.names[place].startswith("edges") else None
            shift = 0 if kind is None else torch.tensor([[counts[kind[0]]], [counts[kind[2]]]])
            found.append(torch.cat([tensor, tensor + shift], 0 if kind is None else 1))
        return found


def _parts(inputs: Any) -> tuple[Any, Any, Any]:
    """Features, edges and weights of what a model reads of a graph."""
    return (inputs.features, inputs.blocks[0].edges, None) if hasattr(inputs, "blocks") else tuple(inputs)


def _with_parts(inputs: Any, features: Any, edges: Any, weights: Any) -> Any:
    """The same with others."""
    if not hasattr(inputs, "blocks"):
        return type(inputs)(features, edges, weights)
    return replace(inputs, features=features, blocks=[block._replace(edges=edges) for block in inputs.blocks])


def _checked(program: _Program, path: Path) -> bytes:
    """The bytes of a file whose answers are those of the model.

    Raises:
        EngineError: They are not, or torch cannot write it.
    """
    auto = torch.export.Dim.AUTO
    sizes = tuple({1 if name.startswith("edges") else 0: auto} for name in program.names)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what will change for those who write exporters
        cases = [(tensors, program(*tensors)) for tensors in (program.given, program.twice())]
        try:
            exported = torch.export.export(program, tuple(program.given), dynamic_shapes=(sizes,))
            content, run = (_onnx if path.suffix == ".onnx" else _pt2)(exported, program)
            found = [run(tensors) for tensors, _ in cases]
        except Exception as error:  # torch raises whatever it stumbles over
            why = " ".join(str(error).split())[:300]
            raise EngineError(f"{path}: {type(program.model).__name__} cannot be exported ({why})") from error
    for answers, (_, expected) in zip(found, cases, strict=True):
        for answer, wanted in zip(answers, expected, strict=True):
            if answer.shape != wanted.shape or not torch.allclose(answer, wanted, rtol=1e-4, atol=1e-5):
                what = "other numbers than the model" if answer.shape == wanted.shape else "another number of rows"
                raise EngineError(f"{path}: the program answers with {what}, and is not written")
    return content


def _pt2(exported: Any, program: _Program) -> tuple[bytes, Callable[..., Sequence[Tensor]]]:
    """A file of ``torch.export.save``, and what runs it."""
    file = io.BytesIO()
    torch.export.save(exported, file)
    run = torch.export.load(io.BytesIO(file.getvalue())).module()
    return file.getvalue(), lambda tensors: run(*tensors)


def _onnx(exported: Any, program: _Program) -> tuple[bytes, Callable[..., Sequence[Tensor]]]:
    """An ONNX file, and what runs it."""
    names: dict[str, Any] = {"input_names": program.names, "output_names": program.results}
    made: Any = torch.onnx.export(exported, dynamo=True, verbose=False, **names)
    content = made.model_proto.SerializeToString()
    session = optional("onnxruntime", "an ONNX file").InferenceSession(content)
    known = [entry.name for entry in session.get_inputs()]

    def run(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        given = {name: x.cpu().numpy() for name, x in zip(program.names, tensors, strict=True) if name in known}
        return [torch.from_numpy(answer) for answer in session.run(program.results, given)]

    return content, run
