"""The matrix of conversions: every layout against every model, each cell executed."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import ConversionError
from .conversion import LAYOUTS, load, save
from .kinds import describe
from .layout import Layout

__all__ = ["MODELS", "Cell", "Matrix", "matrix"]

_EDGES = torch.tensor([[0, 1, 2, 0, 1], [3, 0, 2, 1, 1]])
_TYPED = {("user", "buys", "item"): _EDGES, ("item", "bought_by", "user"): _EDGES.flip(0)}
_NUM_NODES = {"user": 4, "item": 5}
_METAPATHS = (["paper"], [("paper", "PAP", "paper"), ("paper", "PSP", "paper")])


def _deepwalk() -> nn.Module:
    from ..models.deepwalk import DeepWalk

    return DeepWalk(_EDGES, emb_dim=6, num_nodes=9)


def _metapath2vec() -> nn.Module:
    from ..models.metapath2vec import MetaPath2Vec

    return MetaPath2Vec(_TYPED, ["buys", "bought_by"], 1, emb_dim=6, num_nodes=_NUM_NODES)


def _node2vec() -> nn.Module:
    from ..models.pyg_node2vec import Node2Vec

    return Node2Vec(_EDGES, 6, 5, 3, num_nodes=9)


def _windowed_metapath2vec() -> nn.Module:
    from ..models.pyg_metapath2vec import MetaPath2Vec

    return MetaPath2Vec(_TYPED, 6, list(_TYPED), 4, 3, num_nodes_dict=_NUM_NODES)


def _lightgcn(typed: bool) -> nn.Module:
    from ..hosts.registry import view
    from ..models.lightgcn import LightGCN

    if not typed:
        return LightGCN(9, 6, 2)
    return LightGCN.for_graph(view(_TYPED, num_nodes=_NUM_NODES), embedding_dim=6, num_layers=2)


def _graphsage(aggr: str, **options: Any) -> nn.Module:
    from ..models.graphsage import GraphSAGE

    return GraphSAGE(5, 3, 1, aggr=aggr, **options)


def _typed_graphsage() -> nn.Module:
    from ..models.typed_graphsage import TypedGraphSAGE

    return TypedGraphSAGE(5, 3, 1, metadata=(["item", "user"], list(_TYPED)))


def _sageconv(aggregator: str) -> nn.Module:
    from ..nn.dgl_sage import SAGEConv

    return SAGEConv(5, 3, aggregator)


def _hanconv(architecture: str) -> nn.Module:
    from ..nn.han import HANConv

    return HANConv(5, 8, _METAPATHS, heads=4, architecture=architecture)


def _han(architecture: str, layers: int = 1) -> nn.Module:
    from ..models.han import HAN

    return HAN(5, 8, 3, _METAPATHS, layers, 4, architecture=architecture)


#: A small model of every kind, with weights of its own each time.
MODELS: dict[str, Callable[[], nn.Module]] = {
    "DeepWalk": _deepwalk,
    "MetaPath2Vec": _metapath2vec,
    "pyg.Node2Vec": _node2vec,
    "pyg.MetaPath2Vec": _windowed_metapath2vec,
    "LightGCN, typed": lambda: _lightgcn(True),
    "LightGCN, ids are rows": lambda: _lightgcn(False),
    "GraphSAGE": lambda: _graphsage("mean"),
    "GraphSAGE, dgl_lstm": lambda: _graphsage("dgl_lstm"),
    "GraphSAGE, lstm": lambda: _graphsage("lstm"),
    "GraphSAGE, jk": lambda: _graphsage("mean", jk="cat"),
    "TypedGraphSAGE": _typed_graphsage,
    "dgl.SAGEConv": lambda: _sageconv("mean"),
    "dgl.SAGEConv, lstm": lambda: _sageconv("lstm"),
    "HANConv": lambda: _hanconv("pyg"),
    "HAN": lambda: _han("pyg"),
    "HAN, 2 layers": lambda: _han("pyg", 2),
    "HANConv, dgl": lambda: _hanconv("dgl"),
    "HAN, dgl": lambda: _han("dgl", 2),
}


@dataclass(frozen=True)
class Cell:
    """One layout and one model.

    Attributes:
        layout: Name of the layout.
        model: Name of the model, of :data:`MODELS`.
        save: Why a model is not written so; empty where it is, and comes back from the file bit for bit.
        load: Why a file is not loaded; empty where it is, and the model writes the same file again.
    """

    layout: str
    model: str
    save: str
    load: str

    @property
    def verdict(self) -> str:
        """``both``, ``save`` or ``load``; ``-`` where it is refused with something else to do, ``.`` without."""
        if self.save and self.load:
            return "-" if " Hint: " in self.save + self.load else "."
        return "save" if self.load else "load" if self.save else "both"


@dataclass(frozen=True)
class Matrix:
    """All cells. Prints as a table, with the reasons of the refusals below it.

    Attributes:
        cells: By layout, then by model.
    """

    cells: tuple[Cell, ...]

    def __str__(self) -> str:
        models = list(dict.fromkeys(cell.model for cell in self.cells))
        numbers = {model: f"{number}" for number, model in enumerate(models, 1)}
        lines = ["both: saves and loads, equal bit for bit; save: saves only; -: refused, see below; .: nothing alike"]
        lines += [f"  {number:>2} {model}" for model, number in numbers.items()]
        lines.append(f"{'layout':<18}" + "".join(f"{number:>5}" for number in numbers.values()))
        for name in dict.fromkeys(cell.layout for cell in self.cells):
            row = "".join(f"{cell.verdict:>5}" for cell in self.cells if cell.layout == name)
            lines.append(f"{name:<18}{row}")
        for reason, places in self._refusals(numbers).items():
            where = ", ".join(places[:4]) + (f" and {len(places) - 4} more" if len(places) > 4 else "")
            lines.append(f"{where}: {reason}")
        return "\n".join(lines)

    def _refusals(self, numbers: dict[str, str]) -> dict[str, list[str]]:
        """Reasons, and which cells have them, such as ``load dgl.HAN 15``."""
        found: dict[str, list[str]] = {}
        for cell in self.cells:
            for way, refused in (("save", cell.save), ("load", cell.load)):
                if refused and cell.verdict != ".":
                    reason = refused.partition(": ")[2]
                    found.setdefault(reason, []).append(f"{way} {cell.layout} {numbers[cell.model]}")
        return found


def matrix() -> Matrix:
    """Save every model as every layout and load every layout into every model, through files.

    Raises:
        AssertionError: A conversion that changes a bit.

    Example:
        >>> print(matrix())  # doctest: +SKIP
        both: saves and loads, equal bit for bit; save: saves only; -: refused, see below; .: nothing alike
        ...
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "checkpoint.pt"
        return Matrix(tuple(_cell(layout, name, file) for layout in LAYOUTS.values() for name in MODELS))


def _cell(layout: Layout, name: str, file: Path) -> Cell:
    model, fresh = MODELS[name](), MODELS[name]()
    try:
        save(model, file, layout.name)
    except ConversionError as error:
        save(_native(layout, name), file, layout.name)
        return Cell(layout.name, name, str(error), _load(fresh, file, layout))
    with torch.no_grad():
        for mine, its in zip(fresh.parameters(), model.parameters(), strict=True):
            if _kinds()[name] == "table with a spare row":
                mine[-1] = its[-1]  # the row that is no node is not in every file
    refused = _load(fresh, file, layout)
    for (key, mine), its in zip(fresh.state_dict().items(), model.state_dict().values(), strict=True):
        assert refused or torch.equal(mine, its), f"{layout.name} changed {key} of {name}"
    return Cell(layout.name, name, "", refused)


def _load(model: nn.Module, file: Path, layout: Layout) -> str:
    try:
        load(model, file, layout.name)
    except ConversionError as error:
        return str(error)
    return ""


def _native(layout: Layout, name: str) -> nn.Module:
    """A model whose weights are what this layout holds: of several the one most like the model."""
    same = [other for other, kind in _kinds().items() if kind == layout.kind]
    dgl = layout.name.startswith("dgl")
    return MODELS[max(same, key=lambda other: (("lstm" in other) == ("lstm" in name), ("dgl" in other) == dgl))]()


@functools.cache
def _kinds() -> dict[str, str]:
    return {name: describe(make()).kind for name, make in MODELS.items()}
