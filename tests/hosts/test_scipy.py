"""SciPy's sparse matrices: each against a loop over the dense one."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import graphembed_ext as ge
from graphembed_ext.errors import GraphTypeError, InputError
from graphembed_ext.graph.view import EDGE_TYPE, NODE_TYPE

DENSE = np.array([[0, 2.5, 0], [1, 0, 0], [0, 4, 3]])
BUYS, BACK = ("user", "to", "item"), ("item", "rev_to", "user")


def listed(dense):
    return [(i, j, dense[i, j]) for i in range(dense.shape[0]) for j in range(dense.shape[1]) if dense[i, j] != 0]


def edges_of(view, edge_type=EDGE_TYPE):
    src, dst = (ids.tolist() for ids in view.edges[edge_type])
    return list(zip(src, dst, view.edge_features[edge_type]["edge_weight"].tolist(), strict=True))


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "dia", "bsr"])
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
def test_every_format(form, kind):
    matrix = kind(DENSE).asformat(form)
    view = ge.view(matrix)
    assert edges_of(view) == listed(DENSE)
    assert view.num_nodes[NODE_TYPE] == 3
    assert np.array_equal(matrix.toarray(), DENSE)  # the matrix itself stays as it was


def test_repeated_entries_are_added_and_zeros_are_no_edges():
    matrix = sp.coo_array(([1.0, 2.0, 0.0, 5.0], ([0, 0, 1, 1], [1, 1, 0, 1])), (4, 4))
    view = ge.view(matrix)
    assert edges_of(view) == [(0, 1, 3.0), (1, 1, 5.0)]
    assert view.num_nodes[NODE_TYPE] == 4


def test_a_matrix_of_ones_has_no_weights():
    view = ge.view(sp.csr_array(DENSE != 0))
    assert view.edge_index().tolist() == [[0, 1, 2, 2], [1, 0, 1, 2]]
    assert not view.edge_features[EDGE_TYPE]


def test_names():
    model = ge.DeepWalk(ge.view(sp.csr_array(DENSE), names=["Ada", "Bob", "Cleo"]), emb_dim=4, walk_length=6, seed=0)
    assert torch.equal(ge.embed(model)["Cleo"], model.node_embed.weight[2])
    with pytest.raises(InputError, match="names: got 2 names; expected 3, one for each node"):
        ge.view(sp.csr_array(DENSE), names=["Ada", "Bob"])


def test_users_and_items():
    view = ge.view(sp.csr_array(DENSE[:2]), bipartite=True, names={"user": ["Ada", "Bob"]})
    assert dict(view.num_nodes) == {"item": 3, "user": 2}
    assert edges_of(view, BUYS) == listed(DENSE[:2])
    assert edges_of(view, BACK) == [(j, i, value) for i, j, value in listed(DENSE[:2])]
    assert ge.embed(ge.LightGCN.for_graph(view, embedding_dim=2, seed=0))["Bob"].shape == (2,)


def test_a_dict_by_edge_type():
    matrix = sp.csr_array(DENSE[:2])
    view = ge.view({("user", "buys", "item"): matrix, ("user", "knows", "user"): sp.eye_array(2) * 2})
    assert edges_of(view, ("user", "buys", "item")) == listed(DENSE[:2])
    assert edges_of(view, ("user", "knows", "user")) == [(0, 0, 2.0), (1, 1, 2.0)]
    with pytest.raises(
        InputError, match=r"a matrix of shape \(3, 3\); expected 2 rows or columns for the nodes of type"
    ):
        ge.view({("user", "buys", "item"): matrix, ("user", "knows", "user"): sp.csr_array(DENSE)})


def test_what_is_refused():
    with pytest.raises(InputError, match=r"matrix of shape \(2, 3\).*bipartite=True"):
        ge.view(sp.csr_array(DENSE[:2]))
    with pytest.raises(InputError, match="entries of type complex128; expected real numbers"):
        ge.view(sp.csr_array(DENSE * 1j))
    with pytest.raises(GraphTypeError, match="no place for node features"):
        ge.attach(sp.csr_array(DENSE), torch.zeros(3, 2))
    with pytest.raises(InputError, match=r"key 'buys'"):
        ge.view({"buys": sp.csr_array(DENSE)})


def test_there_and_back(build, camps):
    assert np.array_equal(ge.to_host(sp.csr_array(DENSE), "scipy").toarray(), DENSE)
    typed = build(camps)
    matrices = ge.to_host(typed, "scipy")
    for edge_type, matrix in matrices.items():
        src, dst = (ids.tolist() for ids in ge.view(typed).edges[edge_type])
        assert sorted(zip(*(ids.tolist() for ids in matrix.nonzero()), strict=True)) == sorted(
            set(zip(src, dst, strict=True))
        )
