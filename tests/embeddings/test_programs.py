"""GraphSAGE and HAN as programs: what they answer on other graphs is what the model answers there."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data, HeteroData

import graphembed_ext as ge
from graphembed_ext._core.optional import installed
from graphembed_ext.errors import EngineError, InputError
from graphembed_ext.exports import export_model

needs_onnx = pytest.mark.skipif(
    not all(map(installed, ("onnx", "onnxscript", "onnxruntime"))), reason="the extra onnx is not installed"
)
ENDINGS = [".pt2", pytest.param(".onnx", marks=needs_onnx)]


def ring(nodes, seed=0, weighted=False):
    """A ring with chords, features on it."""
    draws = torch.Generator().manual_seed(seed)
    src = torch.cat([torch.arange(nodes), torch.randint(nodes, (nodes,), generator=draws)])
    dst = torch.cat([torch.arange(nodes).roll(1), torch.randint(nodes, (nodes,), generator=draws)])
    data = Data(x=torch.randn(nodes, 3, generator=draws), edge_index=torch.stack([src, dst]))
    if weighted:
        data.edge_weight = torch.rand(2 * nodes, generator=draws)
    return data


def papers(authors, seed=0):
    draws = torch.Generator().manual_seed(seed)
    data = HeteroData()
    data["author"].x, data["paper"].x = (torch.randn(n, 3, generator=draws) for n in (authors, authors + 2))
    wrote = torch.stack([torch.arange(authors), torch.randint(authors + 2, (authors,), generator=draws)])
    data["author", "writes", "paper"].edge_index = wrote
    data["paper", "written_by", "author"].edge_index = wrote.flip(0)
    return data


def run(file, given):
    """The answers of a file, by name of the inputs, or in their order."""
    if file.suffix == ".pt2":
        return torch.export.load(file).module()(*given.values())
    import onnxruntime

    session = onnxruntime.InferenceSession(file)
    there = {entry.name for entry in session.get_inputs()}
    assert there <= set(given)
    return list(map(torch.from_numpy, session.run(None, {name: given[name].numpy() for name in there})))


@pytest.mark.parametrize("ending", ENDINGS)
def test_graphsage_on_another_graph(tmp_path, ending):
    torch.manual_seed(0)
    model = ge.GraphSAGE(3, 8, num_layers=2, out_channels=4, dropout=0.5)
    model.train()
    file = export_model(model, ring(7), tmp_path / f"sage{ending}")
    assert model.training
    other = ring(19, seed=1)
    (found,) = run(file, {"x": other.x, "edges": other.edge_index})
    torch.testing.assert_close(found, model.eval()(other.x, other.edge_index))


@pytest.mark.parametrize("ending", ENDINGS)
def test_weights_and_vectors_of_length_one(tmp_path, ending):
    torch.manual_seed(0)
    model = ge.GraphSAGE(3, 8, num_layers=2, weight="edge_weight", unit_norm=True).eval()
    file = export_model(model, ring(7, weighted=True), tmp_path / f"sage{ending}")
    other = ring(19, seed=1, weighted=True)
    (found,) = run(file, {"x": other.x, "edges": other.edge_index, "weights": other.edge_weight})
    torch.testing.assert_close(found, ge.embed(model, other).tensor)


@pytest.mark.parametrize("ending", ENDINGS)
def test_han_by_names_of_types(tmp_path, ending):
    paths = {"APA": [("author", "writes", "paper"), ("paper", "written_by", "author")]}
    model = ge.HAN.for_graph(papers(6), metapaths=paths, target="author", hidden_channels=8, out_channels=3, heads=2)
    file = export_model(model, papers(6), tmp_path / f"han{ending}")
    other = papers(11, seed=1)
    edges = torch.stack(ge.metapath_edges(other, paths).edges["author", "APA", "author"])
    (found,) = run(file, {"x_author": other["author"].x, "edges_author_APA_author": edges})
    torch.testing.assert_close(found, model.logits(model.eval().inputs(ge.view(other)))["author"])


def test_typed_graphsage(tmp_path):
    data = papers(6)
    model = ge.GraphSAGE.for_graph(data, hidden_channels=8, num_layers=2, out_channels=3, target="paper").eval()
    file = export_model(model, data, tmp_path / "typed.pt2")
    other = papers(11, seed=1)
    given = [other[kind].x for kind in model.in_channels]
    given += [other[edge_type].edge_index for edge_type in model.inputs(ge.view(other)).graphs]
    (found,) = torch.export.load(file).module()(*given)
    torch.testing.assert_close(found, model.logits(model.inputs(ge.view(other)))["paper"])


class Halved(ge.GraphSAGE):
    """Answers otherwise in a program."""

    def forward(self, x, edge_index, *more):
        return super().forward(x, edge_index, *more) * (0.5 if torch.compiler.is_exporting() else 1)


class Listed(ge.GraphSAGE):
    """Works on a list, which no program can have."""

    def forward(self, x, edge_index, *more):
        return super().forward(x * max(x.tolist()[0]), edge_index, *more)


@pytest.mark.parametrize(("kind", "why"), [(Halved, "answers with other numbers"), (Listed, "cannot be exported")])
def test_what_answers_otherwise_is_not_written(tmp_path, kind, why):
    with pytest.raises(EngineError, match=why):
        export_model(kind(3, 4, num_layers=1), ring(7), tmp_path / "sage.pt2")
    assert not list(tmp_path.iterdir())


def test_what_is_no_program_is_refused(tmp_path):
    walks = ge.DeepWalk(ring(5).edge_index, emb_dim=2)
    with pytest.raises(InputError, match="GraphSAGE or HAN"):
        export_model(walks, ring(5), tmp_path / "walks.onnx")
    with pytest.raises(InputError, match=r"a name ending in \.onnx"):
        export_model(ge.GraphSAGE(3, 4, num_layers=1), ring(5), tmp_path / "sage.bin")
    data = papers(6)
    del data["paper"].x
    model = ge.GraphSAGE.for_graph(data, hidden_channels=8, num_layers=2, out_channels=3, target="author")
    with pytest.raises(InputError, match="learned vectors of"):
        export_model(model, data, tmp_path / "typed.pt2")
