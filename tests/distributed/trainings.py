"""Small trainings that several processes and one must agree on: each makes its model and graph, and leaves tensors."""

from __future__ import annotations

import torch

import graphembed_ext as ge
from tests.graphs import build_pyg, tagged_camps, world

#: 19 nodes, which no number of ranks but 1 and 19 divides, in two rings joined by an edge; node 18 has none.
_PAIRS = [(k, (k + 1) % 9) for k in range(9)] + [(9 + k, 9 + (k + 1) % 9) for k in range(9)] + [(0, 9)]
RINGS = torch.tensor(_PAIRS + [(b, a) for a, b in _PAIRS]).T


def _data():
    from torch_geometric.data import Data

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(19, 5, generator=generator, dtype=torch.float64)
    return Data(edge_index=RINGS, x=x, y=torch.arange(19) // 10, num_nodes=19)


def _weights(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _gradients(model):
    return {f"gradient of {name}": p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def _learned(model, graph, strategy, **options):
    """What a first step's gradient is, and what comes of some epochs."""
    quiet = {"progress": False, "strategy": strategy, "seed": 3, **options}
    history = ge.fit(model, graph, epochs=1, **quiet).history
    found = _gradients(model)
    history += ge.fit(model, graph, epochs=3, **quiet).history
    return found | _weights(model) | {"losses": torch.tensor([entry["loss"] for entry in history]).double()}


def sage(strategy):
    """GraphSAGE on labels: batches of 7, 7 and 5 nodes."""
    model = ge.GraphSAGE(5, 8, 2, out_channels=2, seed=1).double()
    masks = {"train": torch.arange(19)}
    return _learned(model, _data(), strategy, task="nodes", masks=masks, batch_size=7, fanouts=[2, 2])


def sage_whole(strategy):
    """The same on the whole graph, with dropout."""
    model = ge.GraphSAGE(5, 8, 2, out_channels=2, dropout=0.5, seed=1).double()
    return _learned(model, _data(), strategy, task="nodes", masks={"train": torch.arange(0, 19, 2)})


def sage_few(strategy):
    """A single node to learn from: the other ranks have none."""
    model = ge.GraphSAGE(5, 8, 2, out_channels=2, seed=1).double()
    return _learned(model, _data(), strategy, task="nodes", masks={"train": torch.tensor([4])}, batch_size=4)


def links(strategy):
    """GraphSAGE without labels."""
    model = ge.GraphSAGE(5, 8, 2, seed=1).double()
    return _learned(model, _data(), strategy, task="links", batch_size=7, fanouts=[2, 2])


def _double(data):
    for store in data.node_stores:
        if "x" in store:
            store.x = store.x.double()
    return data


def typed_sage(strategy):
    """GraphSAGE on a typed graph, in batches of 3 and 1 users."""
    data = _double(build_pyg(tagged_camps()))
    model = ge.GraphSAGE.for_graph(data, 8, num_layers=2, out_channels=2, target="user", seed=1).double()
    return _learned(model, data, strategy, batch_size=3, fanouts=[2, 2])


PATHS = {"PAP": ["by", "writes"], "PSP": ["in", "shows"]}


def han(strategy, **config):
    """HAN in mini-batches: the attention over metapaths is over the nodes of all ranks."""
    data = _double(build_pyg(world()))
    settings = {"heads": 2, "dropout": 0.0, "metapaths": PATHS, "seed": 1} | config
    model = ge.HAN.for_graph(data, 8, **settings).double()
    layers = len(model.layers)
    return _learned(model, data, strategy, batch_size=5, fanouts=[3] * layers)


def han_deep(strategy):
    """The same with two layers, whose first one's nodes several ranks have."""
    return han(strategy, num_layers=2)


def han_dgl(strategy):
    """The other architecture."""
    return han(strategy, architecture="dgl")


def han_whole(strategy):
    """HAN on the whole graph."""
    data = _double(build_pyg(world()))
    model = ge.HAN.for_graph(data, 8, heads=2, dropout=0.0, metapaths=PATHS, seed=1).double()
    return _learned(model, data, strategy)


def deepwalk(strategy, **config):
    """38 steps of DeepWalk; two of the walks have no pairs."""
    settings = {"emb_dim": 8, "walk_length": 6, "window_size": 2, "seed": 0} | config
    model = ge.DeepWalk(RINGS, num_nodes=20, **settings)
    ge.fit(model, epochs=19, batch_size=12, strategy=strategy, seed=3, progress=False)
    return _whole_tables(model)


def deepwalk_negatives(strategy):
    """Negatives from the whole graph, tables without memory, node2vec's walks."""
    return deepwalk(strategy, fast_neg=False, device="meta", p=0.5, q=2.0)


def metapath2vec(strategy, **config):
    """MetaPath2Vec along two metapaths."""
    spec = world()
    settings = {"emb_dim": 8, "window_size": 2, "seed": 0, "walk_length": 7} | config
    model = ge.MetaPath2Vec(build_pyg(spec), list(PATHS.values()), **settings)
    ge.fit(model, epochs=6, batch_size=9, strategy=strategy, seed=3, progress=False)
    return _whole_tables(model)


def metapath2vec_typed(strategy):
    """Negatives of the context's type, in single precision made by rank."""
    return metapath2vec(strategy, typed_negatives=True, device="meta")


def _whole_tables(model):
    ge.distributed.gather(model)
    return _weights(model)


def _interactions():
    from torch_geometric.data import HeteroData

    generator = torch.Generator().manual_seed(0)
    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = 30, 23
    pairs = torch.randperm(30 * 23, generator=generator)[:166]
    pairs = torch.stack([pairs // 23, pairs % 23])
    data["user", "buys", "item"].edge_index = pairs[:, :160]
    return data, pairs[:, 160:]


def lightgcn(strategy, loss="pyg"):
    """Adam steps on LightGCN; 7 columns, which two ranks do not share out alike, and a validation."""
    data, held = _interactions()
    model = ge.LightGCN.for_graph(data, embedding_dim=7, num_layers=2, seed=0)
    result = ge.fit(
        model, data, epochs=10, batch_size=60, lr=0.01, loss=loss, strategy=strategy, seed=3, progress=False,
        validation=held, validate_every=2, k=5,
    )  # fmt: skip
    recall = [entry["val_recall@5"] for entry in result.history if "val_recall@5" in entry]
    losses = torch.tensor([entry["loss"] for entry in result.history])
    return _weights(model) | {"recall": torch.tensor(recall), "losses": losses}


def lightgcn_recbole(strategy):
    """The loss that holds lengths small, not their squares."""
    return lightgcn(strategy, "recbole")


def lightgcn_softmax(strategy):
    """The same by its usual loss, which needs whole vectors."""
    return lightgcn(strategy, "softmax")


#: Each with the strategy that it trains by, and how near to one process it comes.
TRAININGS = {
    "ddp": ((sage, sage_whole, sage_few, links, typed_sage, han, han_deep, han_dgl, han_whole), 1e-9),
    "sharded": ((deepwalk, deepwalk_negatives, metapath2vec, metapath2vec_typed), 1e-5),
    "columns": ((lightgcn, lightgcn_recbole, lightgcn_softmax), 1e-6),
}


def kept(folder, epochs=6, every=None):
    """DeepWalk, 7 steps an epoch, whose state is left after every epoch, and within it after so many steps."""
    model = ge.DeepWalk(RINGS, emb_dim=6, walk_length=6, window_size=2, seed=0, num_nodes=19)
    options = {"batch_size": 3, "seed": 3, "progress": False, "checkpoint": folder, "checkpoint_every": every}
    result = ge.fit(model, epochs=epochs, strategy="sharded", **options)
    losses = torch.tensor([entry["loss"] for entry in result.history])
    return _whole_tables(model) | {"losses": losses}
