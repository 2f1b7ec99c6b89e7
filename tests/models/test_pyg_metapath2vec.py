"""MetaPath2Vec and Node2Vec beside the classes of DGL and PyG: equal where these are right, right where not."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext import pyg

dgl = pytest.importorskip("dgl")
peer_dgl = pytest.importorskip("dgl.nn.pytorch.network_emb")
pnn = pytest.importorskip("torch_geometric.nn")


@pytest.fixture(autouse=True)
def _no_progress_bar(monkeypatch):
    monkeypatch.setattr(peer_dgl, "trange", range)


def two_sided(num_papers: int = 6, host: str = "dgl"):
    generator = torch.Generator().manual_seed(0)
    writes = torch.stack([torch.arange(12) % 5, torch.randint(0, num_papers, (12,), generator=generator)])
    edges = {("author", "writes", "paper"): writes, ("paper", "by", "author"): writes.flip(0)}
    return ge.to_host(ge.view(edges, num_nodes={"author": 5, "paper": num_papers}), host)


def chain(host: str = "dgl"):
    """0 -> 1 -> 2 -> 3 -> 4, each node of its own type but the walk is one way only."""
    edges = {(f"n{k}", f"e{k}", f"n{k + 1}"): torch.zeros(2, 1, dtype=torch.int64) for k in range(4)}
    return ge.to_host(ge.view(edges), host)


def test_state_dicts_load_both_ways():
    graph = two_sided()
    ours = ge.MetaPath2Vec(graph, ["writes", "by"], 2, emb_dim=4, seed=0)
    peer = peer_dgl.MetaPath2Vec(graph, ["writes", "by"], 2, emb_dim=4)
    peer.load_state_dict(ours.state_dict(), strict=True)
    ours.load_state_dict(peer.state_dict(), strict=True)
    peer_map = {t: list(map(int, ids)) for t, ids in peer.local_to_global_nid.items()}
    assert ours.local_to_global_nid == peer_map
    assert ours.node_metapath == peer.node_metapath


def test_loss_and_gradients_are_dgls():
    graph = two_sided()
    ours = ge.MetaPath2Vec(graph, ["writes", "by"], 2, emb_dim=4, seed=0, sparse=False)
    torch.nn.init.normal_(ours.context_embed.weight, std=5, generator=torch.Generator().manual_seed(0))
    peer = peer_dgl.MetaPath2Vec(graph, ["writes", "by"], 2, emb_dim=4, sparse=False)
    peer.load_state_dict(ours.state_dict())
    batch = ours.sample(torch.arange(5))
    losses = [model(*batch) for model in (ours, peer)]
    torch.testing.assert_close(*losses)
    for loss in losses:
        loss.backward()
    torch.testing.assert_close(ours.node_embed.weight.grad, peer.node_embed.weight.grad)
    torch.testing.assert_close(ours.context_embed.weight.grad, peer.context_embed.weight.grad)


def test_on_a_chain_dgl_pairs_nodes_with_themselves_and_misses_neighbours():
    path = ["e0", "e1", "e2", "e3"]
    peer = peer_dgl.MetaPath2Vec(chain(), path, 2, emb_dim=4)
    found = Counter(zip(*(part.tolist() for part in peer.sample(torch.tensor([0]))[:2]), strict=True))
    assert found[3, 3] == 1
    assert found[4, 4] == 1
    assert found[3, 4] == 0
    ours = ge.MetaPath2Vec(chain(), path, 2, emb_dim=4, seed=0)
    found = Counter(zip(*(part.tolist() for part in ours.sample(torch.tensor([0]))[:2]), strict=True))
    assert found == Counter((i, j) for i in range(5) for j in range(5) if 0 < abs(i - j) <= 2)


def test_past_a_walks_end_dgl_invents_pairs():
    edges = {("a", "to", "b"): torch.tensor([[0], [0]]), ("b", "back", "a"): torch.tensor([[1], [1]])}
    graph = ge.to_host(ge.view(edges, num_nodes={"a": 3, "b": 2}), "dgl")
    real = {(0, 3), (3, 0)}  # the walk from a0 ends at b0, row 3
    peer = peer_dgl.MetaPath2Vec(graph, ["to", "back"], 2, emb_dim=4)
    invented = set(zip(*(part.tolist() for part in peer.sample(torch.tensor([0]))[:2]), strict=True)) - real
    assert invented
    ours = ge.MetaPath2Vec(graph, ["to", "back"], 2, emb_dim=4, seed=0)
    assert set(zip(*(part.tolist() for part in ours.sample(torch.tensor([0]))[:2]), strict=True)) == real


def test_a_single_pair_raises_in_dgl():
    peer = peer_dgl.MetaPath2Vec(two_sided(), ["writes", "by"], 1, emb_dim=4)
    single = torch.tensor([0]), torch.tensor([5]), torch.tensor([[6]])
    with pytest.raises(IndexError):
        peer(*single)
    assert torch.isfinite(ge.MetaPath2Vec(two_sided(), ["writes", "by"], 1, emb_dim=4)(*single))


def test_dgl_never_draws_nodes_it_happened_not_to_visit():
    # Author 0 has 200 papers and the walk is one step: in its one run DGL sees a single one of them.
    star = torch.stack([torch.zeros(200, dtype=torch.int64), torch.arange(200)])
    graph = ge.to_host(ge.view({("author", "writes", "paper"): star}), "dgl")
    peer = peer_dgl.MetaPath2Vec(graph, ["writes"], 1, emb_dim=4)
    ours = ge.MetaPath2Vec(graph, ["writes"], 1, emb_dim=4)
    assert int((peer.neg_prob[1:] > 0).sum()) == 1
    assert int((ours.neg_prob[1:] > 0).sum()) == 200


def test_a_shared_relation_name_is_refused_as_in_dgl_and_accepted_as_triples():
    edges = torch.tensor([[0, 1], [1, 0]])
    graph = ge.to_host(ge.view({("a", "to", "b"): edges, ("b", "to", "a"): edges}), "dgl")
    with pytest.raises(dgl.DGLError, match="ambiguous"):
        peer_dgl.MetaPath2Vec(graph, ["to", "to"], 1, emb_dim=4)
    with pytest.raises(ge.errors.MetapathError, match=r"write \('a', 'to', 'b'\) or"):
        ge.MetaPath2Vec(graph, ["to", "to"], 1, emb_dim=4)
    path = [("a", "to", "b"), ("b", "to", "a")]
    assert len(ge.MetaPath2Vec(graph, path, 1, emb_dim=4, seed=0).sample([0])[0]) == 4


def pyg_models(edges, path, **options):
    ours = pyg.MetaPath2Vec(edges, 4, path, seed=0, **options)
    peer = pnn.MetaPath2Vec(edges, 4, path, **options)
    peer.load_state_dict(ours.state_dict(), strict=True)
    ours.load_state_dict(peer.state_dict(), strict=True)
    return ours, peer


def test_loss_and_gradients_are_pygs():
    edges = two_sided(host="pyg").edge_index_dict
    ours, peer = pyg_models(edges, sorted(edges), walk_length=6, context_size=3, num_negative_samples=4)
    assert (ours.start, ours.end, ours.dummy_idx) == (peer.start, peer.end, peer.dummy_idx)
    assert torch.equal(ours.offset, peer.offset)
    batch = ours.sample([0, 1, 2])
    losses = [model.loss(*batch) for model in (ours, peer)]
    torch.testing.assert_close(*losses)
    for loss in losses:
        loss.backward()
    torch.testing.assert_close(ours.embedding.weight.grad, peer.embedding.weight.grad)
    mine, theirs = ours.sample([0, 1, 2]), peer._sample([0, 1, 2])
    assert [part.shape for part in mine] == [part.shape for part in theirs]


def test_pyg_trains_its_dummy_row_on_walks_that_have_ended():
    edges = {("a", "to", "b"): torch.tensor([[0], [0]]), ("b", "back", "a"): torch.tensor([[1], [1]])}
    path = sorted(edges)
    ours, peer = pyg_models(edges, path, walk_length=2, context_size=3, num_nodes_dict={"a": 3, "b": 2})
    peer.loss(*peer._sample([0])).backward()
    assert peer.embedding.weight.grad[peer.dummy_idx].abs().sum() > 0
    ours.loss(*ours.sample([0])).backward()
    assert ours.embedding.weight.grad[ours.dummy_idx].abs().sum() == 0
    assert len(ours.pos_sample([0])) == 0


def test_node2vec_has_pygs_loss_without_pyg_lib():
    edges = torch.tensor([[0, 1, 1, 2, 2, 0], [1, 0, 2, 1, 0, 2]])
    ours = pyg.Node2Vec(edges, 4, walk_length=5, context_size=3, seed=0)
    peer = pnn.Node2Vec.__new__(pnn.Node2Vec)  # its constructor asks for pyg-lib; its loss does not
    torch.nn.Module.__init__(peer)
    peer.embedding = torch.nn.Embedding(3, 4)
    peer.embedding_dim, peer.EPS = 4, 1e-15
    peer.load_state_dict(ours.state_dict(), strict=True)
    batch = ours.sample([0, 1, 2])
    torch.testing.assert_close(ours.loss(*batch), peer.loss(*batch))
