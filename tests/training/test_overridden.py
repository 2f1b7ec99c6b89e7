"""Methods that a subclass overrides: ge.fit, ge.embed and evaluation call them, or name them and the way out.

Generated: every public model with every public method of its own. A method that is neither called nor named must stand
in the list of those that have no part in training and embedding.
"""

from __future__ import annotations

import inspect
import warnings

import pytest
import torch
from torch_geometric.data import Data, HeteroData

import graphembed_ext as ge
from graphembed_ext.errors import InputError

RING = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])
EDGES = torch.cat([RING, RING.flip(0)], 1)
PATH = [("a", "to", "b"), ("b", "of", "a")]
TYPED = {PATH[0]: RING, PATH[1]: RING.flip(0)}
SHOP = {("user", "buys", "item"): torch.tensor([[0, 0, 1, 1, 2, 3], [0, 1, 1, 2, 3, 0]])}
MASKS = {"train": torch.arange(0, 12, 2), "val": torch.arange(1, 12, 2)}


def plain():
    return Data(x=torch.eye(12), edge_index=EDGES, y=torch.arange(12) % 2)


def typed():
    data = HeteroData()
    for name in ("a", "b"):
        data[name].x, data[name].y = torch.eye(12), torch.arange(12) % 2
    for edge_type, edges in TYPED.items():
        data[edge_type].edge_index = edges
    return data


def on_dgl(make):
    return lambda: ge.to_host(make(), "dgl")


#: How each is made, on which graph it is trained, and options of the training.
MODELS = {
    "DeepWalk": (ge.DeepWalk, lambda cls: cls(EDGES, 4, walk_length=6, seed=0), None, {}),
    "MetaPath2Vec": (ge.MetaPath2Vec, lambda cls: cls(TYPED, PATH, 2, 4, seed=0), None, {}),
    "Node2Vec": (ge.pyg.Node2Vec, lambda cls: cls(EDGES, 4, 4, 3, seed=0), None, {}),
    "pyg.MetaPath2Vec": (ge.pyg.MetaPath2Vec, lambda cls: cls(TYPED, 4, PATH, 4, 3, seed=0), None, {}),
    "GraphSAGE": (ge.GraphSAGE, lambda cls: cls(12, 4, 2, 2, seed=0), plain, {"masks": MASKS}),
    "GraphSAGE in batches": (
        ge.GraphSAGE,
        lambda cls: cls(12, 4, 2, 2, seed=0),
        plain,
        {"masks": MASKS, "batch_size": 4},
    ),
    "GraphSAGE without labels": (ge.GraphSAGE, lambda cls: cls(12, 4, 2, 2, seed=0), plain, {"task": "links"}),
    "dgl.GraphSAGE": (ge.dgl.GraphSAGE, lambda cls: cls(12, 4, 2, 2, seed=0), on_dgl(plain), {"masks": MASKS}),
    "TypedGraphSAGE": (
        ge.TypedGraphSAGE,
        lambda cls: cls(12, 4, 2, 2, metadata=(["a", "b"], PATH), target="a", seed=0),
        typed,
        {"masks": MASKS},
    ),
    "dgl.TypedGraphSAGE": (
        ge.dgl.TypedGraphSAGE,
        lambda cls: cls(12, 4, 2, 2, metadata=(["a", "b"], PATH), target="a", seed=0),
        on_dgl(typed),
        {"masks": MASKS},
    ),
    "HAN": (
        ge.HAN,
        lambda cls: cls(12, 4, 2, (["a", "b"], PATH), heads=2, target="a", seed=0),
        typed,
        {"masks": MASKS},
    ),
    "HAN in batches": (
        ge.HAN,
        lambda cls: cls(12, 4, 2, (["a", "b"], PATH), heads=2, target="a", seed=0),
        typed,
        {"masks": MASKS, "batch_size": 4},
    ),
    "LightGCN": (ge.LightGCN, lambda cls: cls.for_graph(SHOP, 4, 2, seed=0), lambda: SHOP, {"batch_size": 4}),
}

#: What has no part in training, embedding and evaluation; in PyG's and DGL's own loops neither.
NO_PART = {
    *("reset_parameters", "init_conv", "for_graph", "of_view"),  # before: when a model is made
    *("semantic_attention", "predict_link", "recommend_new", "embed_new_users", "test"),  # after: asked for by hand
    *(
        "drawing_from",
        "sampling_loader",
        "loss_of_sample",
        "start_nodes",
        "grown",
        "node_counts",
    ),  # of training and growing
}
#: What training in batches calls alone, what only training without labels leaves out, and what only tables that several
#: processes share out ask for.
OF_BATCHES = {"loader", "full_logits", "noise_parts", "start"}


def methods(cls):
    """Public methods that a class has of this package."""
    found = {}
    for owner in reversed(cls.__mro__):
        if owner.__module__.startswith("graphembed_ext"):
            found |= {n: f for n, f in vars(owner).items() if inspect.isfunction(f) and not n.startswith("_")}
    return sorted(set(found) - NO_PART)


def derived(cls, name, calls):
    base = getattr(cls, name)

    def own(self, *args, **kwargs):
        calls.append(name)
        return base(self, *args, **kwargs)

    return type("Mine", (cls,), {name: own, "__module__": "somewhere"})


def used(case, cls):
    _, make, graph, options = MODELS[case]
    data = None if graph is None else graph()
    model = make(cls)
    ge.fit(model, data, epochs=2, progress=False, **options)
    ge.embed(model, data)
    if case == "LightGCN":
        ge.evaluate.recommendation(model, data, torch.tensor([[3], [1]]), k=1)
        model.recommend(data, k=2)
    return model


@pytest.mark.parametrize("case", MODELS)
def test_every_overridden_method_is_called_or_named(case):
    cls = MODELS[case][0]
    passed_over = []
    for name in methods(cls):
        calls = []
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                used(case, derived(cls, name, calls))
            except InputError as error:
                if f"overrides {name}" not in str(error) or "Hint" not in str(error):
                    raise
                continue
        if not calls and not any(f"overrides {name}" in str(warning.message) for warning in told):
            passed_over.append(name)
    assert set(passed_over) <= (set() if "in batches" in case else OF_BATCHES)


def test_an_overridden_loss_is_what_is_trained():
    class Squared(ge.DeepWalk):
        def loss(self, batch_walk):
            return self.node_embed(batch_walk.clamp(min=0)).square().sum()

    model = Squared(EDGES, 4, walk_length=6, seed=0)
    before = model.node_embed.weight.abs().sum()
    result = ge.fit(model, epochs=20, lr=0.05, progress=False)
    assert result.engine == "torch"
    assert "overrides loss" in result.fallback
    assert model.node_embed.weight.abs().sum() < 0.5 * before
    assert not model.context_embed.weight.any()
    with pytest.raises(ge.errors.EngineError, match="Squared overrides loss"):
        ge.fit(model, engine="numba", progress=False)


def test_walks_of_a_users_own_are_those_that_are_trained():
    class Pairs(ge.DeepWalk):
        def sample(self, indices):
            start = torch.as_tensor(indices)
            return torch.stack([start, start ^ 1] * 3, 1)

    model = Pairs(EDGES, 4, walk_length=6, seed=0)
    ge.fit(model, epochs=60, lr=0.1, progress=False)
    emb = ge.embed(model)
    assert all(emb.most_similar(node, k=1)[0][0] == node ^ 1 for node in range(12))
    with pytest.raises(InputError, match=r"shrink_window: got True; expected False, as Pairs overrides sample"):
        ge.fit(model, shrink_window=True, progress=False)


def test_forward_of_graphsage_gets_plain_tensors():
    class Doubled(ge.GraphSAGE):
        def forward(self, x, edge_index, edge_weight=None):
            assert type(x) is torch.Tensor
            if isinstance(edge_index, torch.Tensor):
                assert sorted(map(tuple, edge_index.t().tolist())) == sorted(map(tuple, EDGES.t().tolist()))
            return 2 * super().forward(x, edge_index, edge_weight)

    model, data = Doubled(12, 4, 2, 2, seed=0), plain()
    twice = ge.embed(model, data).tensor
    torch.testing.assert_close(twice, 2 * ge.embed(ge.GraphSAGE(12, 4, 2, 2, seed=0), data).tensor)


@pytest.mark.parametrize("graph", [SHOP, torch.tensor([[0, 0, 1, 1, 2, 3], [4, 5, 5, 6, 7, 4]])])
@pytest.mark.parametrize("negatives", [1, 3])
def test_scores_and_loss_of_a_subclass_of_lightgcn(graph, negatives):
    """Own methods that do what ours do give the same weights."""
    seen = []

    class Mine(ge.LightGCN):
        def forward(self, edge_index=None, edge_label_index=None, edge_weight=None):
            seen.append(edge_label_index.shape)
            out = self.get_embedding(edge_index, edge_weight)
            user, item = edge_label_index if self.sides.user_type == "" else edge_label_index + torch.tensor([[4], [0]])
            return (out[user] * out[item]).sum(1)

    class Ranked(ge.LightGCN):
        def recommendation_loss(self, pos_edge_rank, neg_edge_rank, node_id=None, lambda_reg=1e-4):
            seen.append(neg_edge_rank.shape)
            return super().recommendation_loss(pos_edge_rank, neg_edge_rank, node_id, lambda_reg)

    found = []
    for cls in (ge.LightGCN, Mine, Ranked):
        model = cls.for_graph(graph, 4, 2, seed=0, **({} if graph is SHOP else {"num_users": 4}))
        ge.fit(model, graph, epochs=3, batch_size=4, lr=0.05, num_negatives=negatives, loss="pyg", progress=False)
        found.append(model.embedding.weight)
    assert seen[0][1] == 4 * (1 + negatives)
    assert seen[-1] in ((2, negatives), (2,))
    torch.testing.assert_close(found[1], found[0])
    torch.testing.assert_close(found[2], found[0])
    with pytest.raises(InputError, match=r"loss: got recbole; expected 'pyg', as Ranked overrides recommendation_loss"):
        ge.fit(Ranked.for_graph(SHOP, 4), SHOP, loss="recbole", progress=False)
