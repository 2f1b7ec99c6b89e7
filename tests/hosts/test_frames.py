"""Data frames of edges, of pandas, polars and Arrow alike, against loops over their rows."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import GraphTypeError, InputError
from graphembed_ext.graph.view import EDGE_TYPE, NODE_TYPE


def polars(columns):
    return pytest.importorskip("polars").DataFrame(columns)


@pytest.fixture(params=[pd.DataFrame, polars, pa.table], ids=["pandas", "polars", "arrow"])
def frame(request):
    return request.param


CALLS = {
    "caller": ["Bob", "Ada", "Cleo", "Bob"],
    "callee": ["Ada", "Cleo", "Cleo", "Ada"],
    "minutes": [3, 1, 2, 7],
    "cost": [0.5, 1.5, 2.5, 4.0],
    "note": ["a", "b", "c", "d"],
    "free": [True, False, True, False],
    "when": [datetime(2020, 1, day, 12, 30, second) for day, second in ((1, 5), (2, 0), (3, 1), (4, 2))],
}


def listed(view, edge_type=EDGE_TYPE, feature="minutes"):
    src, dst = (ids.tolist() for ids in view.edges[edge_type])
    values = view.edge_features[edge_type][feature].tolist()
    a, b = view.names[edge_type[0]], view.names[edge_type[2]]
    return [(a[s], b[d], v) for s, d, v in zip(src, dst, values, strict=True)]


def rows(columns, first="caller", second="callee", feature="minutes"):
    return list(zip(columns[first], columns[second], columns[feature], strict=True))


def test_edges_both_ways_and_one_way(frame):
    graph = frame(CALLS)
    there = rows(CALLS)
    assert listed(ge.view(graph, directed=True)) == there
    assert listed(ge.view(graph)) == there + [(b, a, value) for a, b, value in there if a != b]
    assert list(ge.view(graph).names[NODE_TYPE]) == ["Bob", "Ada", "Cleo"]


def test_columns_become_features(frame):
    features = ge.view(frame(CALLS), directed=True).edge_features[EDGE_TYPE]
    assert sorted(features) == ["cost", "free", "minutes", "when"]
    assert features["cost"].dtype == torch.float32
    assert features["cost"].tolist() == CALLS["cost"]
    assert features["minutes"].dtype == torch.int64
    assert features["free"].tolist() == [1, 0, 1, 0]
    epoch = datetime(1970, 1, 1)
    assert features["when"].tolist() == [round((day - epoch).total_seconds() * 10**6) for day in CALLS["when"]]


def test_walk_models_take_a_frame_as_it_is(frame):
    model = ge.DeepWalk(frame(CALLS), emb_dim=4, walk_length=6, weight="cost", seed=0)
    assert torch.equal(ge.embed(model)["Cleo"], model.node_embed.weight[2])


def test_whole_numbers_keep_their_order(frame):
    view = ge.view(frame({"source": [30, 4], "target": [4, 12]}), directed=True)
    assert list(view.names[NODE_TYPE]) == ["4", "12", "30"]
    assert view.edge_index().tolist() == [[2, 0], [0, 1]]
    assert ge.view(frame({"u": [2, 0], "v": [0, 1]}), directed=True).edge_index().tolist() == [[2, 0], [0, 1]]


def test_which_columns_are_the_ends(frame):
    columns = {"km": [1.5, 2.5], "dst": ["a", "b"], "src": ["b", "c"]}
    assert listed(ge.view(frame(columns), directed=True), feature="km") == rows(columns, "src", "dst", "km")
    given = ge.view(frame(CALLS), source="note", target="caller", directed=True)
    assert listed(given) == rows(CALLS, "note", "caller")
    with pytest.raises(InputError, match=r"source: got cller; expected one of the columns .*did you mean 'caller'"):
        ge.view(frame(CALLS), source="cller", target="callee")
    with pytest.raises(InputError, match="source, target: got caller and None"):
        ge.view(frame(CALLS), source="caller")


def test_users_and_items_of_the_same_names(frame):
    view = ge.view(frame(CALLS), bipartite=True)
    assert dict(view.num_nodes) == {"item": 2, "user": 3}
    assert listed(view, ("user", "to", "item")) == rows(CALLS)
    assert listed(view, ("item", "rev_to", "user")) == [(b, a, value) for a, b, value in rows(CALLS)]
    emb = ge.embed(ge.LightGCN.for_graph(view, embedding_dim=2, seed=0))
    assert emb.names == {"item": ["Ada", "Cleo"], "user": ["Bob", "Ada", "Cleo"]}


def test_a_dict_by_edge_type(frame):
    buys = {"who": ["Ada", "Eve"], "what": ["tea", "cup"], "times": [2, 3]}
    view = ge.view({("user", "calls", "user"): frame(CALLS), ("user", "buys", "item"): frame(buys)})
    assert view.edge_types == [("item", "rev_buys", "user"), ("user", "buys", "item"), ("user", "calls", "user")]
    assert list(view.names["user"]) == ["Bob", "Ada", "Cleo", "Eve"]
    assert listed(view, ("user", "buys", "item"), "times") == rows(buys, "who", "what", "times")
    assert listed(view, ("user", "calls", "user"))[:4] == rows(CALLS)


def test_nodes_with_features(frame):
    people = {"name": ["Cleo", "Zoe", "Ada", "Bob"], "age": [30, 50, 20, 40], "tall": [1.5, 1.6, 1.7, 1.8]}
    view = ge.view(frame(CALLS), nodes=frame(people), features=["age", "tall"])
    assert list(view.names[NODE_TYPE]) == people["name"]  # Zoe has no edge
    assert np.allclose(view.features[NODE_TYPE]["x"], np.column_stack([people["age"], people["tall"]]))
    assert sorted(listed(view)) == sorted(listed(ge.view(frame(CALLS))))
    with pytest.raises(InputError, match="nodes: got no row for node 'Bob'; expected a row for each node with edges"):
        ge.view(frame(CALLS), nodes=frame({"name": ["Ada", "Cleo"]}))
    with pytest.raises(InputError, match="nodes 'Ada' and 'Ada'"):
        ge.view(frame(CALLS), nodes=frame({"name": ["Ada", "Ada", "Bob", "Cleo"]}))
    with pytest.raises(InputError, match="expected None without nodes="):
        ge.view(frame(CALLS), features="age")


def test_missing_values(frame):
    with pytest.raises(InputError, match="no name in column 'b' of row 1"):
        ge.view(frame({"a": ["x", "y"], "b": ["z", None]}))
    values = ge.view(frame({"a": ["x", "y"], "b": ["z", "z"], "w": [1, None]}), directed=True).edge_features[EDGE_TYPE][
        "w"
    ]
    assert values[0] == 1
    assert torch.isnan(values[1])


def test_what_is_refused(frame):
    with pytest.raises(InputError, match="a frame of 1 columns"):
        ge.view(frame({"a": ["x"]}))
    with pytest.raises(InputError, match="column 'a' of Float64; expected text or whole numbers"):
        ge.view(frame({"a": [1.0], "b": [2.0]}))
    with pytest.raises(GraphTypeError, match="no place for node features"):
        ge.attach(frame(CALLS), torch.zeros(3, 2))
    with pytest.raises(InputError, match=r"key 'calls'"):
        ge.view({"calls": frame(CALLS)})
    with pytest.raises(InputError, match="did you mean 'directed'"):
        ge.view(frame(CALLS), direct=True)


def test_a_lazy_frame_and_a_series():
    with pytest.raises(InputError, match=r"graph: got a polars.LazyFrame; .*collect\(\)"):
        ge.view(polars(CALLS).lazy())
    with pytest.raises(InputError, match=r"graph: got a pandas.Series"):
        ge.view(pd.Series([1, 2]))


def test_pandas_categories(frame):
    table = pd.DataFrame(CALLS).astype({"caller": "category"})
    assert listed(ge.view(table, directed=True)) == rows(CALLS)


def test_there_and_back(build, camps):
    view = ge.view(pa.table(CALLS), directed=True)
    back = ge.to_host(view, "frames")
    assert list(zip(*(back[name].to_pylist() for name in ("source", "target", "minutes")), strict=True)) == rows(CALLS)
    for edge_type, table in ge.to_host(build(camps), "frames").items():
        src, dst = ge.view(build(camps)).edges[edge_type]
        assert table["source"].to_pylist() == src.tolist()
        assert table["target"].to_pylist() == dst.tolist()
