"""Node embeddings as scikit-learn's estimators: its own checks, and the vectors of the package's functions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import graphembed_ext as ge
from graphembed_ext.errors import InputError
from graphembed_ext.estimators import NodeEmbedding
from tests.graphs import CLIQUES, build_pyg, labelled_rings

SMALL = {"n_components": 4, "epochs": 2, "random_state": 0, "model_params": {"walk_length": 5, "window_size": 2}}


def adjacency():
    src, dst = ge.view(build_pyg(CLIQUES)).edge_index()
    return sp.csr_array((np.ones(len(src)), (src.numpy(), dst.numpy())), (12, 12))


@parametrize_with_checks([NodeEmbedding(**SMALL)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_matrix_edges_frame_and_graph_give_the_same_vectors():
    matrix = adjacency()
    frame = pd.DataFrame(dict(zip(("source", "target"), map(list, matrix.nonzero()), strict=True)))
    edges = torch.from_numpy(np.stack(matrix.nonzero())).long()
    given = [matrix, matrix.toarray(), edges, build_pyg(CLIQUES)]
    vectors = [NodeEmbedding(**SMALL).fit_transform(graph) for graph in given]
    assert all(np.array_equal(vectors[0], other) for other in vectors[1:])
    by_name = NodeEmbedding(**SMALL).fit(frame).embeddings_
    assert by_name.tensor.shape == (12, 4)
    assert set(by_name.names["_N"]) == {str(node) for node in range(12)}


def test_the_vectors_are_those_of_the_packages_functions():
    embedding = NodeEmbedding(**SMALL).fit(adjacency())
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    model = ge.DeepWalk(adjacency(), emb_dim=4, walk_length=5, window_size=2, seed=seed)
    ge.fit(model, epochs=2, seed=seed, deterministic=True, progress=False)
    assert np.array_equal(embedding.embedding_, ge.embed(model).numpy())
    assert (embedding.n_iter_, embedding.n_features_in_) == (2, 12)


def test_values_of_a_matrix_are_weights():
    weights = adjacency() * 3.0
    weights.data[0] = 50
    found = NodeEmbedding(**SMALL).fit(weights)
    assert found.model_.walker.weight == "edge_weight"
    assert NodeEmbedding(**SMALL).fit(adjacency()).model_.walker.weight is None


@pytest.mark.parametrize("name", ["graphsage", "lightgcn"])
def test_other_models(name):
    if name == "lightgcn":
        graph, fit_params = {("user", "buys", "item"): torch.tensor([[0, 0, 1, 1, 2], [0, 1, 1, 2, 2]])}, None
    else:
        graph, fit_params = build_pyg(labelled_rings()), {"task": "links"}
    embedding = NodeEmbedding(name, 4, epochs=2, random_state=0, fit_params=fit_params)
    assert embedding.fit_transform(graph).shape == (len(embedding.embeddings_), 4)


def test_it_is_cloned_searched_and_named():
    embedding = clone(NodeEmbedding(**SMALL)).set_params(n_components=3)
    assert embedding.fit_transform(adjacency()).shape == (12, 3)
    assert list(embedding.get_feature_names_out()) == ["nodeembedding0", "nodeembedding1", "nodeembedding2"]
    framed = NodeEmbedding(**SMALL).set_output(transform="pandas").fit_transform(adjacency())
    assert list(framed.columns) == [f"nodeembedding{k}" for k in range(4)]
    whole = [(np.arange(12), np.arange(12))]
    search = GridSearchCV(
        NodeEmbedding(**SMALL), {"n_components": [2, 4]}, cv=whole, scoring=lambda e, X, y=None: -e.result_.loss
    )
    assert search.fit(adjacency()).best_params_["n_components"] in (2, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NodeEmbedding("word2vec").fit(adjacency()), "model: got word2vec; expected one of 'deepwalk'"),
        (lambda: NodeEmbedding(**SMALL).fit(np.ones((3, 4))), r"X: got shape \(3, 4\); expected a square adjacency"),
        (lambda: NodeEmbedding(**SMALL | {"epochs": 0}).fit(adjacency()), "epochs: got 0"),
        (lambda: NodeEmbedding(**SMALL).fit(np.zeros((3, 3))), "expected a graph with nodes and edges"),
    ],
)
def test_what_cannot_be_fitted_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
