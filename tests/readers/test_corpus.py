"""A table of files as people have them: each is read right, or refused in one line that names the way out."""

import warnings

import pytest

import graphembed_ext as ge
from graphembed_ext.errors import GraphEmbedError

from .corpus import CASES

BY_ID = {case.id: case for case in CASES}


def test_the_table_is_large_and_every_name_stands_once():
    assert len(BY_ID) == len(CASES) >= 120


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_read_right_or_refused_with_the_way_out(case, tmp_path):
    path = case.write(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            graph = ge.readers.read_graph(path, **case.options)
        except GraphEmbedError as error:
            problem = case.wrong_refusal(str(error))
        else:
            problem = case.difference(graph)
    assert problem is None, problem
