"""Layers and models as ONNX files, by both exporters of torch: what onnxruntime answers is what they answer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import graphembed_ext as ge
from graphembed_ext.nn.lgconv import LGConv
from graphembed_ext.nn.sage import SAGEConv
from tests.nn.of_tensors import METADATA, OfTensors

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytest.importorskip("onnxscript", reason="the extra onnx is not installed")

NODES, WIDE = 6, 5
MAX = "SAGEConv max"  # PyG's maximum, which the plain path is, cannot be traced to ONNX
EDGES = torch.tensor([[0, 1, 2, 3, 5, 1, 1, 4], [3, 2, 1, 0, 5, 0, 4, 3]])


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class OfEdges(nn.Module):
    """LightGCN's scores, which need no features."""

    def __init__(self):
        super().__init__()
        self.inner = ge.LightGCN(NODES, 4, 2)

    def forward(self, x, edges):
        return self.inner(edges)


class Weighted(nn.Module):
    """A layer whose edges have weights, which depend on the features."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x, edges):
        return self.inner(x, edges, edge_weight=x[edges[0], 0].abs())


def modules():
    torch.manual_seed(0)
    yield "SAGEConv", SAGEConv(WIDE, 3)
    yield "SAGEConv sum", SAGEConv(WIDE, 3, aggr="sum", project=True, normalize=True)
    yield MAX, SAGEConv(WIDE, 3, aggr="max")
    yield "SAGEConv gcn", SAGEConv(WIDE, 3, aggr="gcn")
    yield "SAGEConv weighted", Weighted(SAGEConv(WIDE, 3))
    yield "SAGEConv gcn weighted", Weighted(SAGEConv(WIDE, 3, aggr="gcn"))
    yield "LGConv", LGConv()
    yield "LGConv weighted", Weighted(LGConv())
    yield "GraphSAGE", ge.GraphSAGE(WIDE, 8, 2, 3, jk="cat", norm="batch_norm")
    yield "HANConv", OfTensors(ge.HANConv(WIDE, 8, METADATA, heads=2))
    yield "HAN", OfTensors(ge.HAN(WIDE, 8, 3, METADATA, num_layers=2, heads=2, target=["a", "b"]))
    yield "TypedGraphSAGE", OfTensors(ge.TypedGraphSAGE(WIDE, 8, 2, 3, metadata=METADATA))
    yield "LightGCN", OfEdges()


MODULES = {name: module.eval() for name, module in modules()}


class Together(nn.Module):
    """Several of them as one program: to start torch's newer exporter takes longer than to run it."""

    def __init__(self, names):
        super().__init__()
        self.parts = nn.ModuleList([MODULES[name] for name in names])

    def forward(self, x, edges):
        return tuple(part(x, edges) for part in self.parts)


def check(file, module):
    """Run a file on the graph that it was made with, and on a larger one."""
    session = onnxruntime.InferenceSession(file)
    larger = torch.cat([EDGES, EDGES.flip(0) + 5], 1)
    for x, edges in ((draw(NODES, WIDE), EDGES), (draw(11, WIDE), larger)):
        if any(isinstance(part, OfEdges) for part in module.modules()):
            x, edges = draw(NODES, WIDE), edges % NODES  # its table has so many rows
        given = {"x": x.numpy(), "edges": edges.numpy()}
        found = session.run(None, {entry.name: given[entry.name] for entry in session.get_inputs()})
        expected = module(x, edges)
        for part, wanted in zip(found, expected if isinstance(expected, tuple) else (expected,), strict=True):
            torch.testing.assert_close(torch.from_numpy(part), wanted)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in MODULES if name != MAX])
def test_traced(name, tmp_path):
    file, module = tmp_path / "model.onnx", MODULES[name]
    torch.onnx.export(
        module,
        (draw(NODES, WIDE), EDGES),
        file,
        dynamo=False,
        opset_version=17,
        input_names=["x", "edges"],
        dynamic_axes={"x": {0: "nodes"}, "edges": {1: "edges"}},
    )
    check(file, module)


#: Of typed ones the layer alone: to export the larger ones takes half a minute.
EXPORTED = [name for name in MODULES if name not in ("HAN", "TypedGraphSAGE")]


@pytest.mark.filterwarnings("ignore")
def test_exported(tmp_path):
    file, module = tmp_path / "model.onnx", Together(EXPORTED).eval()
    nodes, edges = torch.export.Dim("nodes", min=2, max=1000), torch.export.Dim("edges", min=2, max=1000)
    torch.onnx.export(
        module,
        (draw(NODES, WIDE), EDGES),
        file,
        dynamo=True,
        verbose=False,
        input_names=["x", "edges"],
        dynamic_shapes=({0: nodes}, {1: edges}),
    )
    check(file, module)
