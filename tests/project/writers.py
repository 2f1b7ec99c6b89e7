"""What the package writes, by the name of the file."""

from __future__ import annotations

import torch

import graphembed_ext as ge
from graphembed_ext.cli.runs.records import write_record
from graphembed_ext.exports import export
from graphembed_ext.plots.maps import draw_embedding

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])


def embeddings():
    return ge.Embeddings(torch.randn(12, 8, generator=torch.Generator().manual_seed(0)))


def deepwalk():
    return ge.DeepWalk(RING, emb_dim=4, walk_length=4, window_size=1, seed=0)


def fitted(path):
    ge.fit(deepwalk(), epochs=1, progress=False, checkpoint=path, deterministic=True)


def refitted(path):
    ge.fit(deepwalk(), epochs=2, progress=False, checkpoint=path, deterministic=True, resume="force")


def pictured(path):
    draw_embedding(torch.eye(12), ["a"] * 12, [str(i) for i in range(12)], path, title="", subtitle="")


def drawn(path):
    ge.plots.save(ge.plots.embedding_map(torch.eye(12), method="pca"), path)


#: What writes, by the name of the file: the first time, and again.
WRITERS = {
    "a.parquet": lambda path: embeddings().save(path),
    "a.npz": lambda path: embeddings().save(path),
    "a.safetensors": lambda path: embeddings().save(path),
    "word2vec.txt": lambda path: export(embeddings(), path),
    "word2vec.bin": lambda path: export(embeddings(), path, "word2vec-binary"),
    "index.usearch": lambda path: export(embeddings(), path),
    "weights.pt": lambda path: ge.checkpoint.save(deepwalk(), path),
    "weights.safetensors": lambda path: ge.checkpoint.save(deepwalk(), path),
    "record": lambda path: write_record(path.with_suffix(""), {"model": "deepwalk", "job": {}}),
    "state.pt": fitted,
    "map.png": drawn,
    "map.svg": drawn,
    "demo.png": pictured,
}
AGAIN = {"state.pt": refitted}
