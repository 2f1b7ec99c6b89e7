"""PyG's explainers and Captum on ours beside PyG's classes: the same masks and attributions."""

from __future__ import annotations

import pytest
import torch
import torch_geometric.nn as peers
from torch import nn
from torch_geometric.explain import CaptumExplainer, Explainer, GNNExplainer, ModelConfig

import graphembed_ext as ge

captum = pytest.importorskip("captum.attr", reason="captum is not installed")

NODES, WIDE = 6, 5
EDGES = torch.tensor([[0, 1, 2, 3, 5, 1, 1, 4], [3, 2, 1, 0, 5, 0, 4, 3]])
METADATA = ["a", "b"], [("a", "to", "b"), ("b", "to", "a"), ("a", "with", "a")]
TYPED = dict.fromkeys(METADATA[1], EDGES)
#: The node that is explained; edges lead to it.
NODE = 3


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def typed_features():
    return {"a": draw(NODES, WIDE), "b": draw(NODES, WIDE, seed=1)}


def captums(method, **options):
    return lambda: CaptumExplainer(method, **options)


ALGORITHMS = {
    "GNNExplainer": lambda: GNNExplainer(epochs=3),
    "IntegratedGradients": captums("IntegratedGradients", n_steps=4),
    "Saliency": captums("Saliency"),
    "InputXGradient": captums("InputXGradient"),
    "ShapleyValueSampling": captums("ShapleyValueSampling", n_samples=2),
}
MODELS = {"mean": {}, "max": {"aggr": "max", "normalize": True}, "jk": {"jk": "cat", "aggr": "sum"}}


def twins(options):
    ours, peer = ge.GraphSAGE(WIDE, 8, 2, 3, **options), peers.GraphSAGE(WIDE, 8, 2, 3, **options)
    ours.load_state_dict(peer.state_dict())
    return ours.eval(), peer.eval()


def explained(model, algorithm, x, edges, edge_mask_type="object"):
    torch.manual_seed(0)
    explainer = Explainer(
        model,
        algorithm(),
        explanation_type="model",
        node_mask_type="attributes",
        edge_mask_type=edge_mask_type,
        model_config=ModelConfig("multiclass_classification", "node", return_type="raw"),
    )
    return explainer(x, edges, index=NODE)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_explanations_are_the_peers(algorithm, options):
    found, expected = (explained(model, algorithm, draw(NODES, WIDE), EDGES) for model in twins(options))
    for name in ("edge_mask", "node_mask"):
        torch.testing.assert_close(found[name], expected[name])
    assert bool(found.edge_mask.any())


class OfOneType(nn.Module):
    """The output of a typed layer or model for one of the types."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x_dict, edge_index_dict):
        return self.inner(x_dict, edge_index_dict)["a"]


def made_typed():
    """Ours, PyG's way with our class, and PyG's, with the same weights."""
    peer, ours = (peers.to_hetero(cls((-1, -1), 8, 2, 3), METADATA) for cls in (peers.GraphSAGE, ge.GraphSAGE))
    for model in (peer, ours):
        model(typed_features(), TYPED)  # sizes are known from here on
    typed = ge.TypedGraphSAGE(WIDE, 8, 2, 3, metadata=METADATA)
    for model in (ours, typed):
        model.load_state_dict(peer.state_dict())
    return [OfOneType(model).eval() for model in (typed, ours, peer)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["GNNExplainer", "IntegratedGradients", "Saliency"])
def test_explanations_of_typed_graphs(name):
    *ours, expected = (explained(model, ALGORITHMS[name], typed_features(), TYPED) for model in made_typed())
    for found in ours:
        for edge_type in METADATA[1]:
            torch.testing.assert_close(found[edge_type].edge_mask, expected[edge_type].edge_mask)
        for node_type in METADATA[0]:
            torch.testing.assert_close(found[node_type].node_mask, expected[node_type].node_mask)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["GNNExplainer", "Saliency"])
def test_explanations_of_han(name):
    """Of the features alone: an edge type that leads elsewhere has no part in the output, which explainers refuse."""
    ours, peer = (cls(WIDE, 8, METADATA, heads=2) for cls in (ge.HANConv, peers.HANConv))
    ours.load_state_dict(peer.state_dict())
    models = OfOneType(ours).eval(), OfOneType(peer).eval()
    found, expected = (explained(m, ALGORITHMS[name], typed_features(), TYPED, None) for m in models)
    for node_type in METADATA[0]:
        torch.testing.assert_close(found[node_type].node_mask, expected[node_type].node_mask)


INPUTS = {
    "edge": ((torch.ones(1, EDGES.size(1)),), (draw(NODES, WIDE), EDGES)),
    "node": ((draw(1, NODES, WIDE),), (EDGES,)),
    "node_and_edge": ((draw(1, NODES, WIDE), torch.ones(1, EDGES.size(1))), (EDGES,)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["IntegratedGradients", "Saliency"])
@pytest.mark.parametrize("mask", INPUTS)
def test_attributions_by_captum(mask, method):
    given, more = INPUTS[mask]
    options = {"IntegratedGradients": {"internal_batch_size": 1, "n_steps": 4}}.get(method, {})
    found = []
    for model in twins({}):
        attribution = getattr(captum, method)(peers.to_captum_model(model, mask, NODE))
        found.append(attribution.attribute(given, additional_forward_args=more, target=0, **options))
    torch.testing.assert_close(*found)
    assert all(bool(part.any()) for part in found[0])
