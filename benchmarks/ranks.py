"""Processes that train together, for benchmarks of them: started here, each leaves its figures in a file."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .harness import MIB, Clock, memory, peak_memory

#: What a rank does: takes its number and some settings, and returns figures, or something to train and then figures.
Work = Callable[..., dict[str, Any]]


def together(size: int, work: Work, **settings: Any) -> list[dict[str, Any]]:
    """Figures of so many processes, one thread each, by rank; ``work`` is a function of a module."""
    from torch import multiprocessing

    with socket.socket() as found, tempfile.TemporaryDirectory() as folder:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
        found.close()
        multiprocessing.start_processes(
            _rank, args=(size, port, folder, work, settings), nprocs=size, start_method="spawn"
        )
        return [json.loads((Path(folder) / f"{rank}.json").read_text()) for rank in range(size)]


def _rank(rank: int, size: int, port: int, folder: str, work: Work, settings: dict[str, Any]) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"OMP_NUM_THREADS": "1"}
    import torch

    torch.set_num_threads(1)
    (Path(folder) / f"{rank}.json").write_text(json.dumps(work(**settings)))


class Sent:
    """Counts what this rank sends to others while it lasts: bytes, and rows of tables that it pulls from anyone."""

    def __init__(self) -> None:
        self.bytes = self.rows = 0

    def __enter__(self) -> Sent:
        from graphembed_ext.distributed.group import Ranks
        from graphembed_ext.distributed.tables import Exchange

        self._kept = Ranks.exchanged, Exchange.pull
        exchanged, pull = self._kept

        def counted(group: Any, rows: Any, sent: list[int], received: list[int]) -> Any:
            width = rows.element_size() * rows[:1].numel() if len(rows) else 0
            self.bytes += width * (sum(sent) - sent[group.rank])
            return exchanged(group, rows, sent, received)

        def pulled(exchange: Any, own: Any) -> Any:
            found = pull(exchange, own)
            self.rows += len(found)
            return found

        Ranks.exchanged, Exchange.pull = counted, pulled
        return self

    def __exit__(self, *_: object) -> None:
        from graphembed_ext.distributed.group import Ranks
        from graphembed_ext.distributed.tables import Exchange

        Ranks.exchanged, Exchange.pull = self._kept


def trained(make: Callable[[], Any], **options: Any) -> tuple[Any, dict[str, Any]]:
    """A model and the figures of its training: time, tokens, what was sent, memory before and at most."""
    import graphembed_ext as ge

    model = make()
    held = memory("VmRSS") / MIB
    with Sent() as sent, Clock() as clock:
        result = ge.fit(model, progress=False, **options)
    return model, {
        "seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds, "tokens": result.tokens, "loss": result.loss,
        "bytes": sent.bytes, "rows_pulled": sent.rows, "held_mib": held, "peak_mib": peak_memory() / MIB,
    }  # fmt: skip


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures of all ranks in one: times of the slowest and of all, traffic of all, memory of the largest."""
    first = parts[0]
    tokens, cpu = first["tokens"], sum(part["cpu_seconds"] for part in parts)
    return {
        "ranks": len(parts), "seconds": max(part["seconds"] for part in parts), "cpu_seconds": cpu, "tokens": tokens,
        "tokens_per_cpu_second": tokens / cpu, "loss": first["loss"],
        "bytes_per_token": sum(part["bytes"] for part in parts) / tokens,
        "rows_per_token": sum(part["rows_pulled"] for part in parts) / tokens,
        "held_mib": max(part["held_mib"] for part in parts), "peak_mib": max(part["peak_mib"] for part in parts),
    }  # fmt: skip
