"""Calls that a newcomer makes before and after training, and what is expected of them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import graphembed_ext as ge


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Friends out of a file, and their vectors."""
    path = tmp_path_factory.mktemp("right") / "friends.csv"
    path.write_text("source,target\nDan,Ann\nAnn,Bob\nBob,Cleo\nCleo,Dan\nAnn,Cleo\nEve,Dan\n")
    found = ge.readers.read_graph(path)
    model = ge.DeepWalk(found.named_view, emb_dim=4, walk_length=4, window_size=2, engine="torch", seed=0)
    result = ge.fit(model, epochs=2, engine="torch", progress=False)
    return found, model, result, ge.embed(model)


def test_names_of_a_file_come_through(trained):
    found, model, _, emb = trained
    names = found.names["_N"]
    for number, name in enumerate(names):
        assert emb[name].equal(model.node_embed.weight[number])
    assert emb[["Ann", "Bob"]].shape == emb["Ann", "Bob"].shape == (2, 4)
    assert list(ge.embed(model, nodes=["Bob", "Ann"]).names["_N"]) == ["Bob", "Ann"]
    assert {name for name, _ in emb.most_similar("Ann", k=100)} == {*names} - {"Ann"}


def test_vectors_go_where_arrays_do(trained, tmp_path):
    emb = trained[3]
    np.testing.assert_array_equal(np.asarray(emb), emb.tensor.numpy())
    assert np.linalg.norm(emb, axis=1).shape == (len(emb),)
    assert torch.as_tensor(emb).equal(emb.tensor)
    assert not emb.tensor.requires_grad
    np.save(tmp_path / "x.npy", emb)
    assert (np.load(tmp_path / "x.npy") == emb.tensor.numpy()).all()
    for other in (
        copy.deepcopy(emb),
        pickle.loads(pickle.dumps(emb)),
        ge.Embeddings.load(emb.save(tmp_path / "e.npz")),
    ):
        assert other.tensor.equal(emb.tensor)
        assert other.names == emb.names
    assert emb.to_pandas().shape[0] == len(emb)


def test_classes_may_be_names(trained):
    """As scikit-learn takes them; an empty one is none."""
    emb = ge.Embeddings(torch.randn(40, 4, generator=torch.Generator().manual_seed(0)))
    numbers = [-1 if i % 7 == 0 else i % 3 for i in range(40)]
    names = ["" if number < 0 else "xyz"[number] for number in numbers]
    expected = ge.evaluate.node_classification(emb, torch.tensor(numbers), repeats=2, seed=0)
    for y in (names, tuple(names), np.array(names), np.array(names, dtype=object)):
        assert dict(ge.evaluate.node_classification(emb, y, repeats=2, seed=0)) == dict(expected)


def test_a_run_tells_of_itself(trained, tmp_path):
    result = trained[2]
    assert result.loss == result.history[-1]["loss"]
    assert result.seconds > 0
    result.plot(tmp_path / "loss.png")
    assert (tmp_path / "loss.png").stat().st_size > 1000
    assert ge.plots.embedding_map(trained[3]).axes


def test_weights_go_into_a_fresh_model(trained, tmp_path):
    found, model, _, emb = trained
    ge.checkpoint.save(model, tmp_path / "m.pt")
    fresh = ge.DeepWalk(found.named_view, emb_dim=4, walk_length=4, window_size=2, seed=1)
    ge.checkpoint.load(fresh, tmp_path / "m.pt")
    assert ge.embed(fresh).tensor.equal(emb.tensor)


def test_what_was_read_says_how_to_take_it(trained):
    with pytest.raises(ge.errors.GraphTypeError, match=r"Hint: \.named_view is its graph"):
        ge.DeepWalk(trained[0])


@pytest.mark.parametrize("y", [np.array(5), np.array("x"), [[1], [1, 2]], [["a"], ["b", "c"]], [], ["a", 1]])
def test_what_is_no_list_of_classes_is_refused(y):
    with pytest.raises(ge.errors.InputError, match="y: got"):
        ge.evaluate.node_classification(torch.eye(4), y)
