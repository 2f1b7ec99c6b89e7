"""Node2Vec and MetaPath2Vec with PyG's conventions."""

from __future__ import annotations

import shutil
from itertools import pairwise
from typing import ClassVar

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext import pyg
from tests.cases import Variant, assert_apart
from tests.graphs import Spec
from tests.model_cases import BoundModelCase

EDGES = torch.tensor([[0, 1, 1, 2, 2, 3, 3, 0, 0, 2], [1, 0, 2, 1, 3, 2, 0, 3, 2, 0]])
TYPED = {
    ("author", "writes", "paper"): torch.tensor([[0, 0, 1, 2, 2, 3], [0, 1, 1, 2, 3, 3]]),
    ("paper", "written_by", "author"): torch.tensor([[0, 1, 1, 2, 3, 3], [0, 0, 1, 2, 2, 3]]),
    ("paper", "in", "venue"): torch.tensor([[0, 1, 2, 3], [0, 0, 1, 1]]),
    ("venue", "of", "paper"): torch.tensor([[0, 0, 1, 1], [0, 1, 2, 3]]),
}
APVPA = [list(TYPED)[k] for k in (0, 2, 3, 1)]


def node2vec(**options):
    return pyg.Node2Vec(EDGES, 8, **{"walk_length": 6, "context_size": 3, "seed": 0, **options})


def metapath2vec(**options):
    settings = {"walk_length": 8, "context_size": 3, "seed": 0, **options}
    return pyg.MetaPath2Vec(settings.pop("edges", TYPED), 8, settings.pop("metapath", APVPA), **settings)


class WindowedCase(BoundModelCase):
    """Trained by ge.fit through the model's own loader."""

    training: ClassVar = {"epochs": 3, "batch_size": 3, "lr": 0.1}
    columns = 8
    variants_that_learn: ClassVar = [
        Variant("dense", {"walks_per_node": 5}, {"epochs": 30, "batch_size": 12}),
        Variant("sparse", {"walks_per_node": 5, "sparse": True}, {"epochs": 30, "batch_size": 12}),
    ]
    variants_alike: ClassVar = [Variant(engine, {"engine": engine}) for engine in ("dgl", "torch")]

    def draw(self, model, graph):
        return [part for batch in model.loader(batch_size=3, shuffle=True) for part in batch]


class TestNode2Vec(WindowedCase):
    """The contract of a model, see tests/model_cases.py."""

    models = (pyg.Node2Vec,)
    rows: ClassVar = {"_N": 12}
    refused_arguments: ClassVar = [
        ({"context_size": 7}, "context_size: got 7; expected at most 6"),
        ({"context_size": 1}, "context_size: got 1"),
        ({"p": 0}, "p: got 0"),
        ({"q": -2}, "q: got -2"),
        ({"weight": torch.ones(3)}, "each of the 60 edges"),
        ({"num_negative_samples": 0}, "num_negative_samples: got 0"),
        ({"embedding_dim": 0}, "embedding_dim: got 0"),
        ({"engine": "cuda"}, "engine: got cuda"),
        ({"seed": -1}, "seed: got -1"),
    ]
    bad_calls: ClassVar = [
        (lambda model, g: model.sample([12]), "starts: got node 12; expected node ids from 0 to 11"),
        (lambda model, g: model.pos_sample([-1]), "starts: got node -1"),
        (lambda model, g: model.neg_sample(torch.tensor([0.5])), "starts: got torch.float32"),
    ]

    def spec(self):
        """Two cliques."""
        sides = range(6), range(6, 12)
        return Spec.untyped(12, [(a, b) for side in sides for a in side for b in side if a != b])

    def make(self, graph, **config):
        settings = {"embedding_dim": 8, "walk_length": 6, "context_size": 3, "seed": 0, **config}
        return pyg.Node2Vec(graph, **settings)

    def check_structure(self, model, graph, result):
        vectors = ge.embed(model).tensor
        assert_apart(vectors - vectors.mean(0), torch.arange(12) // 6)


class TestMetaPath2Vec(WindowedCase):
    """The contract of a model, see tests/model_cases.py."""

    models = (pyg.MetaPath2Vec,)
    rows: ClassVar = {"author": 4, "paper": 4, "venue": 2}
    refused_arguments: ClassVar = [
        ({"metapath": APVPA[:2]}, "cannot be gone round"),
        ({"metapath": [APVPA[0], APVPA[2]]}, "metapath step 2 cannot follow step 1"),
        ({"metapath": [APVPA, APVPA]}, "takes several"),
        ({"context_size": 10}, "context_size: got 10; expected at most 9"),
        ({"walks_per_node": 0}, "walks_per_node"),
        ({"embedding_dim": 0}, "embedding_dim: got 0"),
        ({"engine": "cuda"}, "engine: got cuda"),
        ({"seed": -1}, "seed: got -1"),
    ]
    bad_calls: ClassVar = [
        (lambda model, g: model.sample([4]), "starts: got node 4; expected node ids from 0 to 3"),
        (lambda model, g: model.pos_sample([-1]), "starts: got node -1"),
        (lambda model, g: model("zone"), "a type on the metapath: author, paper, venue"),
    ]

    def spec(self):
        """Two venues with two authors and two papers each."""
        edges = {edge_type: tuple(ends.tolist()) for edge_type, ends in TYPED.items()}
        return Spec({"author": 4, "paper": 4, "venue": 2}, edges)

    def make(self, graph, **config):
        settings = {"embedding_dim": 8, "metapath": APVPA, "walk_length": 8, "context_size": 3, "seed": 0, **config}
        return pyg.MetaPath2Vec(graph, **settings)

    def check_structure(self, model, graph, result):
        emb = ge.embed(model)
        assert emb.most_similar(0, node_type="author", k=1)[0][0] == 1
        assert emb.most_similar(2, node_type="author", k=1)[0][0] == 3


@pytest.mark.parametrize("build", [node2vec, metapath2vec])
def test_workers(build):
    assert len(list(build().loader(batch_size=2, num_workers=1))) == 2


def test_node2vec_has_pygs_shapes():
    model = node2vec(walks_per_node=2, num_negative_samples=3)
    pos_rw, neg_rw = model.sample([0, 1])
    assert pos_rw.shape == (2 * 2 * 4, 3)
    assert neg_rw.shape == (2 * 2 * 3 * 4, 3)
    assert model(torch.tensor([1, 2])).shape == (2, 8)
    assert model().shape == (4, 8)
    assert [*model.state_dict()] == ["embedding.weight"]
    assert repr(model) == "Node2Vec(4, 8)"


def test_windows_are_cut_from_walks_on_the_graph():
    edges = set(map(tuple, EDGES.t().tolist()))
    pos_rw = node2vec(p=0.5, q=2.0).pos_sample(torch.arange(4))
    assert {(a, b) for walk in pos_rw.tolist() for a, b in pairwise(walk)} <= edges
    assert torch.equal(pos_rw[:4, 0], torch.arange(4))  # all first windows come first
    assert torch.equal(pos_rw[:4, 1:], pos_rw[4:8, :2])


def test_p_steers_the_walks():
    back = [
        float((windows[:, 0] == windows[:, 2]).float().mean())
        for windows in (node2vec(p=p, walks_per_node=500).pos_sample(torch.arange(4)) for p in (0.01, 100.0))
    ]
    assert back[0] > 0.9
    assert back[1] < 0.1


def test_windows_past_a_walks_end_are_left_out():
    path = torch.tensor([[0, 1, 2], [1, 2, 3]])
    model = pyg.Node2Vec(path, 4, walk_length=6, context_size=3, seed=0)
    assert model.pos_sample(torch.arange(4)).tolist() == [[0, 1, 2], [1, 2, 3], [1, 2, 3]]
    lonely = model.pos_sample(torch.tensor([3]))
    assert lonely.shape == (0, 3)
    loss = model.loss(lonely, model.neg_sample(torch.tensor([3])))
    loss.backward()
    assert torch.isfinite(loss)
    assert model.loss(lonely, lonely) == 0


def test_metapath2vec_never_touches_the_last_row():
    model = metapath2vec(edges={**TYPED, ("paper", "in", "venue"): torch.tensor([[0], [0]])}, sparse=True)
    assert model.dummy_idx == 10
    for pos_rw, neg_rw in model.loader(batch_size=2):
        assert max(int(part.max()) for part in (pos_rw, neg_rw) if len(part)) < 10
        assert min(int(part.min()) for part in (pos_rw, neg_rw) if len(part)) >= 0


def test_metapath2vec_windows_and_noise_have_the_types_of_their_positions():
    model = metapath2vec(walks_per_node=3, num_negative_samples=2)
    nodes = torch.arange(4)
    ends = torch.tensor([model.end[t] for t in ("author", "paper", "venue")])
    for windows in (model.pos_sample(nodes), model.neg_sample(nodes)):
        types = torch.bucketize(windows, ends, right=True)
        assert {tuple(row) for row in types.tolist()} == {(0, 1, 2), (1, 2, 1), (2, 1, 0), (1, 0, 1)}


def test_metapath2vec_table_covers_the_metapaths_types_only():
    model = metapath2vec(metapath=APVPA[:1], walk_length=1, context_size=2)
    assert (model.start, model.end) == ({"author": 0, "paper": 4}, {"author": 4, "paper": 8})
    assert model.embedding.weight.shape == (9, 8)
    assert model("paper").shape == (4, 8)
    assert model("paper", torch.tensor([1])).shape == (1, 8)
    with pytest.raises(ge.errors.InputError, match="a type on the metapath: author, paper"):
        model("venue")
    assert ge.embed(model).node_types == ["author", "paper"]


def test_num_nodes_may_be_told():
    assert node2vec(num_nodes=7)().shape == (7, 8)
    model = metapath2vec(num_nodes_dict={"author": 6, "paper": 4, "venue": 2})
    assert model("author").shape == (6, 8)
    assert model.pos_sample(torch.tensor([5])).shape == (0, 3)  # isolated


def test_weighted_walks():
    weight = torch.ones(10)
    weight[[0, 8]] = 0  # node 0 goes to 3 only
    windows = node2vec(weight=weight, walks_per_node=50).pos_sample(torch.arange(4))
    assert set(windows[windows[:, 0] == 0, 1].tolist()) == {3}


def dataset(tmp_path, data_root, name):
    shutil.copytree(data_root / name, tmp_path / name, ignore=shutil.ignore_patterns("processed"))
    return tmp_path / name


def test_pygs_node2vec_example_on_cora(tmp_path, data_root):
    from torch_geometric.datasets import Planetoid

    from graphembed_ext.pyg import Node2Vec

    data = Planetoid(str(dataset(tmp_path, data_root, "Planetoid")), name="Cora")[0]
    torch.manual_seed(0)
    model = Node2Vec(
        data.edge_index,
        embedding_dim=32,
        walk_length=20,
        context_size=10,
        walks_per_node=5,
        num_negative_samples=1,
        p=1.0,
        q=1.0,
        sparse=True,
    ).to("cpu")
    loader = model.loader(batch_size=128, shuffle=True, num_workers=2)
    # Ten times the example's rate, as two epochs stand for its hundred.
    optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=0.1)
    losses = []
    for _ in range(2):
        model.train()
        total_loss = 0
        for pos_rw, neg_rw in loader:
            optimizer.zero_grad()
            loss = model.loss(pos_rw.to("cpu"), neg_rw.to("cpu"))
            loss.backward()
            optimizer.step()
            total_loss += loss.item()
        losses.append(total_loss / len(loader))
    model.eval()
    with torch.no_grad():
        z = model()
    accuracy = model.test(
        train_z=z[data.train_mask],
        train_y=data.y[data.train_mask],
        test_z=z[data.test_mask],
        test_y=data.y[data.test_mask],
        max_iter=150,
    )
    assert losses[1] < losses[0]
    assert accuracy > 0.4  # a guess scores 0.14


def test_pygs_metapath2vec_example_on_dblp(tmp_path, data_root):
    from torch_geometric.datasets import DBLP

    from graphembed_ext.pyg import MetaPath2Vec

    data = DBLP(str(dataset(tmp_path, data_root, "DBLP")))[0]
    metapath = [
        ("author", "to", "paper"),
        ("paper", "to", "conference"),
        ("conference", "to", "paper"),
        ("paper", "to", "author"),
    ]
    torch.manual_seed(0)
    model = MetaPath2Vec(
        data.edge_index_dict,
        embedding_dim=64,
        metapath=metapath,
        walk_length=20,
        context_size=7,
        walks_per_node=2,
        num_negative_samples=2,
        sparse=True,
    ).to("cpu")
    loader = model.loader(batch_size=128, shuffle=True, num_workers=2)
    optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=0.05)
    for _ in range(4):
        model.train()
        for pos_rw, neg_rw in loader:
            optimizer.zero_grad()
            loss = model.loss(pos_rw.to("cpu"), neg_rw.to("cpu"))
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        z = model("author", batch=torch.arange(4057))
    y = data["author"].y
    perm = torch.randperm(z.size(0), generator=torch.Generator().manual_seed(0))
    train_perm, test_perm = perm[:405], perm[405:]
    assert model.test(z[train_perm], y[train_perm], z[test_perm], y[test_perm], max_iter=1000) > 0.6


@pytest.mark.parametrize("wrong", [-1, "first beyond", 10**15, -(2**63)])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("make", [node2vec, metapath2vec])
def test_windows_of_no_rows_are_refused_as_pyg_does(make, sparse, wrong):
    """PyG raises an IndexError; unchecked, a kernel would read beyond the table."""
    model = make(sparse=sparse)
    beyond = model.embedding.num_embeddings if wrong == "first beyond" else wrong
    right, bad = torch.tensor([[0, 1, 2]]), torch.tensor([[0, 1, beyond]])
    for windows, argument in (((bad, right), "pos_rw"), ((right, bad), "neg_rw")):
        with pytest.raises(IndexError, match=f"{argument}: got id {beyond}; expected ids from 0 to"):
            model.loss(*windows)
    assert model.loss(right, right).isfinite()
