"""GraphSAGE with edge weights as a network of GraphGym: one registration, and a configuration names it.

python examples/pyg_graphgym.py
"""

from __future__ import annotations

import torch
from torch_geometric.datasets import KarateClub
from torch_geometric.graphgym.config import cfg, set_cfg
from torch_geometric.graphgym.model_builder import create_model
from torch_geometric.graphgym.register import register_network

from graphembed_ext.pyg import GraphSAGE


@register_network("weighted_sage")
class WeightedSAGE(torch.nn.Module):
    def __init__(self, dim_in: int, dim_out: int) -> None:
        super().__init__()
        self.gnn = GraphSAGE(dim_in, cfg.gnn.dim_inner, cfg.gnn.layers_mp, dim_out, dropout=cfg.gnn.dropout)

    def forward(self, batch):
        found = self.gnn(batch.x, batch.edge_index, batch.get("edge_weight"))
        mask = batch[f"{batch.split}_mask"]
        return found[mask], batch.y[mask]


def main(epochs: int = 30) -> float:
    torch.manual_seed(0)
    set_cfg(cfg)
    # What a YAML file of GraphGym would say.
    cfg.merge_from_list(["model.type", "weighted_sage", "model.loss_fun", "cross_entropy", "gnn.layers_mp", 2])
    cfg.merge_from_list(["gnn.dim_inner", 32, "gnn.dropout", 0.2, "accelerator", "cpu", "optim.base_lr", 0.02])
    data = KarateClub()[0]
    data.edge_weight = torch.ones(data.num_edges)
    data.test_mask = ~data.train_mask
    model = create_model(dim_in=data.num_features, dim_out=4)
    (optimizer,), (scheduler,) = model.configure_optimizers()
    for _ in range(epochs):
        optimizer.zero_grad()
        model.training_step(data)["loss"].backward()
        optimizer.step()
        scheduler.step()
    model.eval()
    with torch.no_grad():
        found = model.test_step(data)
    accuracy = float((found["pred_score"].argmax(1) == found["true"]).float().mean())
    print(f"accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
