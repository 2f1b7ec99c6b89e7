"""Models by name: a class is loaded when it is asked for, and no other."""

from __future__ import annotations

import subprocess
import sys

import pytest

import graphembed_ext as ge
from graphembed_ext.models import catalogue, dgl_graphsage

CREATE = """
import sys
import torch, graphembed_ext as ge
ge.create("deepwalk", ge.GraphView(num_nodes={"_N": 2}, edges={("_N", "_E", "_N"): torch.tensor([[0, 1], [1, 0]])}))
print(sorted({"torch_geometric", "graphembed_ext.models.han"} & set(sys.modules)))
"""


def test_a_walk_model_loads_no_layers():
    done = subprocess.run([sys.executable, "-c", CREATE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("host", ["dgl", "pyg"])
def test_every_name_is_that_of_a_class(host):
    known = catalogue.models_of(host)
    assert known["deepwalk"] is ge.DeepWalk
    assert known["han"] is ge.HAN
    assert known["graphsage"] is (dgl_graphsage.GraphSAGE if host == "dgl" else ge.GraphSAGE)
    assert set(known) == set(ge.available_models(host)) == {"deepwalk", "graphsage", "han", "lightgcn", "metapath2vec"}
    assert len(known) == 5
    assert getattr(ge, host).models() == dict(known)


def test_names_that_are_no_models():
    known = catalogue.models_of("pyg")
    assert "deepwalks" not in known
    assert known.get("deepwalks") is None
