"""DeepWalk by several processes, each with its own rows of the tables; on one machine or on several.

torchrun --standalone --nproc_per_node 2 examples/torchrun_deepwalk.py FOLDER
torchrun --standalone --nproc_per_node 2 --max-restarts 3 ...      a rank that dies costs the epoch it was in

Without torchrun the same program trains alone, and reads what several have begun.
"""

from __future__ import annotations

import sys
from pathlib import Path

from torch_geometric.datasets import KarateClub

import graphembed_ext as ge


def main(folder: Path, epochs: int = 30) -> ge.Embeddings:
    data = KarateClub()[0]  # every process reads the graph
    model = ge.DeepWalk(data, emb_dim=32, walk_length=20, seed=0, device="meta")  # and makes no more than its own rows
    result = ge.fit(model, epochs=epochs, batch_size=8, strategy="sharded", checkpoint=folder / "states")
    ge.distributed.save(model, folder / "emb")  # which it writes, too
    if ge.distributed.join().first:
        print(f"{result.tokens} tokens, last loss {result.loss:.3f}")
    return ge.Embeddings.load(folder / "emb")


if __name__ == "__main__":
    emb = main(Path(sys.argv[1]))
    if ge.distributed.join().first:
        print("nearest to the instructor:", emb.most_similar(0, k=3))
