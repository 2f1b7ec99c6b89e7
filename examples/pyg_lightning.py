"""PyG's GraphSAGE script for Lightning, its NeighborLoader included, with one import line changed.

python examples/pyg_lightning.py
"""

from __future__ import annotations

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch_geometric.data import Data
from torch_geometric.datasets import KarateClub
from torch_geometric.loader import NeighborLoader

from graphembed_ext.pyg import GraphSAGE  # was: from torch_geometric.nn import GraphSAGE


class Model(pl.LightningModule):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.gnn = GraphSAGE(in_channels, 32, num_layers=2, out_channels=out_channels, dropout=0.2)

    def forward(self, x, edge_index):
        return self.gnn(x, edge_index)

    def training_step(self, batch: Data, batch_idx: int):
        y_hat = self(batch.x, batch.edge_index)[: batch.batch_size]
        return F.cross_entropy(y_hat, batch.y[: batch.batch_size])

    def test_step(self, batch: Data, batch_idx: int):
        y_hat = self(batch.x, batch.edge_index)[: batch.batch_size].argmax(dim=-1)
        accuracy = (y_hat == batch.y[: batch.batch_size]).float().mean()
        self.log("test_acc", accuracy, batch_size=batch.batch_size)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


def main(epochs: int = 30) -> float:
    pl.seed_everything(0, verbose=False)
    data = KarateClub()[0]
    nodes = torch.arange(data.num_nodes)
    options = {"num_neighbors": [10, 10], "batch_size": 8}
    train_loader = NeighborLoader(data, input_nodes=nodes[::2], shuffle=True, **options)
    test_loader = NeighborLoader(data, input_nodes=nodes[1::2], **options)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(accelerator="cpu", max_epochs=epochs, enable_model_summary=False, **quiet)
    model = Model(data.num_features, 4)
    trainer.fit(model, train_loader)
    accuracy = trainer.test(model, test_loader, verbose=False)[0]["test_acc"]
    print(f"accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
