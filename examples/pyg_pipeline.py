"""DeepWalk in a PyG program: Data in, embeddings out, and back onto the Data.

python examples/pyg_pipeline.py
"""

from __future__ import annotations

from torch_geometric.data import Data
from torch_geometric.datasets import KarateClub

import graphembed_ext as ge


def main(epochs: int = 30) -> Data:
    data = KarateClub()[0]
    model = ge.DeepWalk(data, emb_dim=32, walk_length=20, seed=0)
    result = ge.fit(model, epochs=epochs, batch_size=8, progress=False)
    emb = ge.embed(model)
    print(f"{result.tokens} tokens in {result.seconds:.1f} s, last loss {result.loss:.3f}")
    print("communities:", ge.evaluate.node_classification(emb, data.y, seed=0))
    print("nearest to the instructor:", emb.most_similar(0, k=3))
    return ge.attach(data, emb)


if __name__ == "__main__":
    print(main())
