"""Soak: all models are trained, embedded, sampled and viewed again and again, and memory stays flat.

``python -m tests.soak MINUTES`` prints a curve, a line for each tenth of the time, and exits with 1 where memory grew.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import psutil
import torch
from torch_geometric.data import Data, HeteroData

import graphembed_ext as ge
from graphembed_ext import pyg

#: MiB by which the last fifth of the time may lie above the second: what allocators keep, not what leaks.
ALLOWED = 24


def graph(seed: int) -> Data:
    draw = torch.Generator().manual_seed(seed)
    edges = torch.randint(200, (2, 1200), generator=draw)
    classes = torch.randint(3, (200,), generator=draw)
    masks = {f"{part}_mask": torch.arange(200) % 3 == number for number, part in enumerate(("train", "val", "test"))}
    return Data(x=torch.randn(200, 8, generator=draw), edge_index=edges, y=classes, num_nodes=200, **masks)


def typed(seed: int) -> HeteroData:
    draw = torch.Generator().manual_seed(seed)
    data = HeteroData()
    data["user"].x, data["item"].x = torch.randn(80, 6, generator=draw), torch.randn(40, 6, generator=draw)
    data["user"].y, data["user"].train_mask = torch.arange(80) % 2, torch.arange(80) < 40
    pairs = torch.stack([torch.randint(80, (400,), generator=draw), torch.randint(40, (400,), generator=draw)])
    data["user", "likes", "item"].edge_index = pairs
    data["item", "liked_by", "user"].edge_index = pairs.flip(0)
    return data


def round_of(seed: int, folder: Path) -> None:
    """One of everything, on graphs that are new each time."""
    plain, kinds = graph(seed), typed(seed)
    quiet = {"epochs": 1, "progress": False, "seed": seed}
    state = folder / "state.pt"
    state.unlink(missing_ok=True)

    deepwalk = ge.DeepWalk(plain, emb_dim=16, walk_length=10, window_size=2, seed=seed)
    ge.fit(deepwalk, checkpoint=state, **quiet)
    ge.embed(deepwalk).save(folder / "emb.parquet")
    ge.Embeddings.load(folder / "emb.parquet")
    metapath2vec = ge.MetaPath2Vec(kinds, ["likes", "liked_by"], window_size=1, emb_dim=16, seed=seed)
    ge.fit(metapath2vec, **quiet)
    ge.fit(pyg.Node2Vec(plain.edge_index, 16, walk_length=6, context_size=3, num_nodes=200, seed=seed), **quiet)
    sage = ge.GraphSAGE(8, 16, 2, 3, seed=seed)
    ge.fit(sage, plain, batch_size=64, **quiet)
    ge.fit(sage, plain, task="links", **quiet)
    for _ in ge.neighbor_loader(plain, [5, 5], batch_size=64, seed=seed):
        pass
    han = ge.HAN.for_graph(
        kinds, hidden_channels=8, heads=2, metapaths={"UIU": ["likes", "liked_by"]}, seed=seed, out_channels=2
    )
    ge.fit(han, kinds, **quiet)
    lightgcn = ge.LightGCN.for_graph(kinds, 16, 2, seed=seed)
    ge.fit(lightgcn, **quiet)
    for model, data in ((metapath2vec, None), (sage, plain), (han, kinds), (lightgcn, None)):
        ge.embed(model, data)
    ge.view(plain)
    ge.to_host(kinds, "pyg")


def main(minutes: float) -> int:
    process, began, curve, number = psutil.Process(), time.monotonic(), [], 0
    with tempfile.TemporaryDirectory() as scratch:
        while (passed := time.monotonic() - began) < 60 * minutes:
            round_of(number, Path(scratch))
            number += 1
            curve.append((passed, process.memory_info().rss / 2**20, process.num_fds(), process.num_threads()))
            if len(curve) == 1 or passed * 10 // (60 * minutes) > curve[-2][0] * 10 // (60 * minutes):
                print(
                    f"{passed:6.0f} s, round {number}: {curve[-1][1]:.0f} MiB, {curve[-1][2]} files, "
                    f"{curve[-1][3]} threads",
                    flush=True,
                )
    early, late = curve[len(curve) // 5 : 2 * len(curve) // 5], curve[-(len(curve) // 5) :]
    if not early or not late:
        print("too short: at least ten rounds are needed")
        return 1
    growth = sum(row[1] for row in late) / len(late) - sum(row[1] for row in early) / len(early)
    opened = late[-1][2] - early[-1][2]
    print(f"{number} rounds: {growth:+.1f} MiB (allowed: {ALLOWED}), {opened:+d} open files")
    return int(growth > ALLOWED or opened > 0)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10))
