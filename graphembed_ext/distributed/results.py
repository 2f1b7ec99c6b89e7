"""What comes of a training by several processes, out of their tables: in files by rank, or whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .._core import memory
from .._core.shared import is_shared, unshared
from ..embeddings import formats
from ..embeddings.vectors import Embeddings
from ..errors import InputError
from .group import Ranks
from .joining import join
from .tables import rows_of_rank

__all__ = ["collected", "gather", "save"]

#: Bytes of rows that a rank sends at a time.
_SENT = 1 << 26


def save(model: Any, folder: str | Path, names: Mapping[str, Sequence[str]] | None = None) -> Path:
    """Write the vectors of a walk model that several processes have trained, every one its own rows; all call it.

    The folder has a ``.safetensors`` file for each rank, with a tensor for each node type that it has rows of, and
    ``index.json``, which names them and comes last. :meth:`graphembed_ext.Embeddings.load` reads it.

    Args:
        model: The model; one whose table is whole is written by the first rank.
        folder: Name without an ending.
        names: Names of the nodes by node type.

    Raises:
        InputError: A name with an ending, or a model without such a table.

    Example:
        >>> import tempfile, torch, graphembed_ext as ge
        >>> model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4, walk_length=12, seed=0)
        >>> ge.Embeddings.load(save(model, f"{tempfile.mkdtemp()}/emb"))
        Embeddings(2 nodes, 4 dimensions)
    """
    path = Path(folder)
    if path.suffix or path.is_file():
        raise InputError("folder", str(folder), "a folder, which has no ending")
    if not hasattr(model, "node_embed"):
        raise InputError("model", f"a {type(model).__name__}", "a walk model; ge.embed(model, graph).save(file) is it")
    group = join()
    table, counts = model.node_embed.weight.detach(), model.view.num_nodes
    if is_shared(table):
        first = min(len(table), group.rank * rows_of_rank(len(table), group.size))
        formats.write_part(_typed(table.to_local(), first, counts, names or {}), path, group.rank, group.size)
        group.wait()
    elif group.first:
        formats.write_part(_typed(table, 0, counts, names or {}), path, 0, 1)
    if group.first:
        formats.write_index(path, counts, group.size if is_shared(table) else 1)
    group.wait()
    return path


def gather(model: nn.Module) -> None:
    """Make every table that processes share out whole again, on each of them; all call it.

    Raises:
        InputError: They do not fit into memory.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> model = ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4, walk_length=12, seed=0)
        >>> gather(model)  # where several processes train, every one has the whole table from here on
        >>> model.node_embed.weight.shape
        torch.Size([2, 4])
    """
    group = join()
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if is_shared(parameter):
                rows = group.during(partial(unshared, parameter.detach()))
                whole = nn.Parameter(rows, parameter.requires_grad)
                module.register_parameter(name, whole)


def collected(model: Any) -> Embeddings | None:
    """The vectors of a walk model on the first rank, None on the others; all call it.

    Raises:
        InputError: They do not fit into the first one's memory.

    Example:
        >>> import torch, graphembed_ext as ge
        >>> collected(ge.DeepWalk(torch.tensor([[0, 1], [1, 0]]), emb_dim=4, walk_length=12, seed=0))
        Embeddings(2 nodes, 4 dimensions)
    """
    table, counts = model.node_embed.weight.detach(), model.view.num_nodes
    group = join()
    if not is_shared(table):
        return Embeddings(table.clone(), counts) if group.first else None
    if group.first:
        needed, got = table.numel() * table.element_size(), f"a table of {len(table)} rows"
        hint = "a folder, a name without an ending, takes them by rank"
        memory.check_room("output", got, needed, "the whole of it on the first rank", hint)
    group.wait()
    assert isinstance(group, Ranks)  # which share the table out
    whole = _collected(group, table)
    return None if whole is None else Embeddings(whole, counts)


def _collected(group: Ranks, table: Any) -> Tensor | None:
    """Rank after rank sends its rows to the first, some at a time."""
    own, size = table.to_local(), rows_of_rank(len(table), group.size)
    found = torch.empty(table.shape, dtype=table.dtype) if group.first else own
    if group.first:
        found[: len(own)] = own
    nothing = [0] * group.size
    each = max(1, _SENT // max(1, own[:1].numel() * own.element_size()))
    for rank in range(1, group.size):
        for low in range(rank * size, min(len(table), (rank + 1) * size), each):
            high = min(low + each, (rank + 1) * size, len(table))
            mine = own[low - rank * size : high - rank * size] if group.rank == rank else own[:0]
            sent, received = nothing.copy(), nothing.copy()
            sent[0] = len(mine)
            received[rank] = high - low if group.first else 0
            rows = group.exchanged(mine, sent, received)
            if group.first:
                found[low:high] = rows
    return found if group.first else None


def _typed(rows: Tensor, start: int, counts: Mapping[str, int], names: Mapping[str, Sequence[str]]) -> formats.Table:
    """Rows from a place on, by the node types that they are of."""
    parts, mine, first = [], {}, 0
    called: dict[str, list[str]] = {}
    for kind, count in counts.items():
        low, high = max(start, first), min(start + len(rows), first + count)
        if low < high:
            parts.append(rows[low - start : high - start])
            mine[kind] = high - low
            if names.get(kind):
                called[kind] = list(names[kind][low - first : high - first])
        first += count
    return formats.Table(torch.cat(parts) if parts else rows[:0], mine, called)
