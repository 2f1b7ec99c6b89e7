"""Rows that are wrong in tables of nodes and in lists of JSON are left out where so many may be, and told."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from graphembed_ext.errors import FileFormatError
from graphembed_ext.readers import read_graph
from graphembed_ext.readers.node_features import read_features
from graphembed_ext.readers.node_tables import names_of, read_labels
from graphembed_ext.readers.options import Reading
from graphembed_ext.readers.preparation import prepare
from graphembed_ext.readers.prepared import read_prepared
from graphembed_ext.readers.targets import read_targets
from tests.cli.commands import call, good

NODES = [f"p{i},{i},{-i / 2},{'xyz'[i % 3]},{['train', 'val', 'test'][i % 3]}" for i in range(12)]
TITLES = "id,height,depth,class,split"
RING = "source,target\n" + "".join(f"p{i},p{(i + 1) % 12}\n" for i in range(12))

#: A row of each kind of wrong, with what is said of it.
WRONG = {
    "too many cells": ("p90,1,2,x,train,7", "6 columns, 'p90,1,2,x,train,7'"),
    "too few cells": ("p90,1", "2 columns, 'p90,1'"),
    "no table": ("Downloaded 2024-01-31", "1 column, 'Downloaded 2024-01-31'"),
    "no node": (",1,2,x,train", "a line without a node"),
    "a node again": ("p0,1,2,x,train", "the node 'p0' a second time"),
    "a part that is none": ("p90,1,2,x,tset", "the split 'tset'"),
}


def table(folder, rows, ending=".csv"):
    path = folder / f"nodes{ending}"
    records = [dict(zip(TITLES.split(","), row.split(","), strict=False)) for row in rows]
    if ending == ".csv":
        path.write_text("\n".join([TITLES, *rows]) + "\n")
    elif ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif ending == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        path = folder / "nodes.jsonl"
        path.write_text(json.dumps(records))
    return path


def graph_with(folder, nodes, **more):
    (folder / "ring.csv").write_text(RING)
    return read_graph(folder / "ring.csv", nodes=[nodes], **more)


def same(found, expected):
    assert found.names == expected.names
    assert found.classes == expected.classes
    for kind, features in expected.view.features.items():
        assert found.view.features[kind].keys() == features.keys()
        for name, value in features.items():
            assert found.view.features[kind][name].equal(value)


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("places", [(3,), (1, 6, 14)])
def test_the_nodes_are_those_of_the_other_rows(tmp_path, kind, places):
    row, what = WRONG[kind]
    rows = list(NODES)
    for place in places:
        rows.insert(place, row)
    path = table(tmp_path, rows)
    found = graph_with(tmp_path, path, skip_bad=len(places))
    (note,) = [note for note in found.notes if "LEFT OUT" in note]
    first = 2 + places[0]
    count = f"{len(places)} line{'s' * (len(places) > 1)}"
    assert note.startswith(f"{count} of {path} LEFT OUT as wrong (line {first}: {what}")
    assert all(f"line {2 + place}: " in note for place in places)
    same(found, graph_with(tmp_path, table(tmp_path, NODES)))


@pytest.mark.parametrize("kind", ["no node", "a node again", "a part that is none"])
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".json", ".parquet"])
def test_a_row_more_than_allowed_is_refused_by_its_place(tmp_path, kind, ending):
    row, what = WRONG[kind]
    path = table(tmp_path, [*NODES[:5], row, *NODES[5:], row], ending)
    place = {".csv": "line 7", ".jsonl": "line 6"}.get(ending, "row 6")
    with pytest.raises(FileFormatError, match=rf"{place}: got {what}.*--skip-bad N leaves out N lines"):
        graph_with(tmp_path, path)
    with pytest.raises(FileFormatError, match="more than the 1 lines that --skip-bad 1 leaves out are wrong"):
        graph_with(tmp_path, path, skip_bad=1)
    found = graph_with(tmp_path, path, skip_bad=2)
    assert any(f"{place}: {what}" in note for note in found.notes)
    same(found, graph_with(tmp_path, table(tmp_path, NODES)))


def test_short_lines_of_classes_are_none_that_are_wrong(tmp_path):
    """A node may have several classes; where more lines are uneven than may be left out, they mean it."""
    path = tmp_path / "classes.txt"
    path.write_text("a x\nb x y\nc y\nd x y z\n")
    for skip_bad in (0, 1):
        found = read_labels(path, list("abcd"), 4, reading=Reading(skip_bad=skip_bad, otherwise=False))
        assert found.y.tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 1, 1]]


def of_file(read, path, **more):
    notes: list[str] = []
    return read(path, list("abcd"), 4, reading=Reading(otherwise=True, skip_bad=2), notes=notes, **more), notes


@pytest.mark.parametrize("wrong", ["nobody,3", ",3", "b,3,4"])
def test_labels_and_targets_of_the_other_rows(tmp_path, wrong):
    path = tmp_path / "y.csv"
    path.write_text(f"id,class\na,1\nb,2\n{wrong}\nc,1\n")
    labels, notes = of_file(read_labels, path)
    assert (labels.y.tolist(), labels.classes) == ([0, 1, 0, -1], ["1", "2"])
    assert notes[-1].startswith(f"1 line of {path} LEFT OUT as wrong (line 4: ")
    targets, notes = of_file(read_targets, path)
    assert targets[:3].tolist() == [1, 2, 1]
    assert bool(targets[3].isnan())
    assert notes[-1].startswith(f"1 line of {path} LEFT OUT as wrong (line 4: ")
    named = [*"ab", *["nobody"] * wrong.startswith("nobody"), "c"]
    assert names_of(path, set("abcd"), Reading(otherwise=True, skip_bad=1)) == named


@pytest.mark.parametrize("wrong", ["nobody,3,4", ",3,4", "b,oops,4", "b,3"])
def test_features_of_the_other_rows(tmp_path, wrong):
    path = tmp_path / "x.csv"
    path.write_text(f"id,u,v\na,1,2\nb,3,4\n{wrong}\nc,5,6\nd,7,8\n")
    x, notes = of_file(lambda path, *rest, **more: read_features(str(path), *rest, **more), path)
    assert x.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert notes == [notes[0]]
    assert notes[0].startswith(f"1 line of {path} LEFT OUT as wrong (line 4: ")


def test_nodes_whose_features_are_left_out_are_missed_by_name(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,u,v\na,1,2\nb,oops,4\nc,5,6\nd,7,8\n")
    with pytest.raises(FileFormatError, match=r"for 1 nodes, such as 'b'.*1 line of .* LEFT OUT.*line 3: 'oops'"):
        of_file(lambda path, *rest, **more: read_features(str(path), *rest, **more), path)


LISTS = {
    "nothing among objects": ('{"source": "a", "target": "b"}', "null", "None"),
    "a list among objects": ('{"source": "a", "target": "b"}', '["a", "b"]', r"\['a', 'b'\]"),
    "no node": ('{"source": "a", "target": "b"}', '{"source": "a"}', "an edge without a node at one end"),
    "a list of one": ('["a", "b"]', '["a"]', r"\['a'\]"),
    "a number among lists": ('["a", "b"]', "3", "3|'3'"),
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("ending", [".json", ".jsonl"])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_records_are_named_and_left_out(tmp_path, kind, ending, place):
    record, wrong, what = LISTS[kind]
    records = [record.replace('"a"', f'"a{i}"') for i in range(4)]
    records.insert(place, wrong)
    path = tmp_path / f"edges{ending}"
    path.write_text("[" + ",\n".join(records) + "]" if ending == ".json" else "\n".join(records) + "\n")
    unit = "row" if ending == ".json" else "line"
    if (kind, place) != ("a list among objects", 0):
        with pytest.raises(FileFormatError, match=rf"{unit} {place + 1}: got ({what}).*--skip-bad N leaves out N"):
            read_graph(path)
        found = read_graph(path, skip_bad=1)
        assert any(f"1 {unit} LEFT OUT as wrong ({unit} {place + 1}: " in note for note in found.notes)
        assert set(found.names["_N"]) == {"a0", "a1", "a2", "a3", "b"}


@pytest.mark.parametrize("wrong", ['{"source": "x", "tar', "Downloaded 2024-01-31", '["x", "y"'])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_line_that_is_damaged_is_named_and_left_out(tmp_path, wrong, place):
    """A first one made the file no lines of JSON at all."""
    lines = [f'{{"source": "a{i}", "target": "b"}}' for i in range(4)]
    lines.insert(place, wrong)
    path = tmp_path / "edges.jsonl"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(
        FileFormatError, match=rf"line {place + 1}: got JSON that is damaged.*--skip-bad N leaves out N"
    ):
        read_graph(path)
    found = read_graph(path, skip_bad=1)
    assert any(f"1 line LEFT OUT as wrong (line {place + 1}: JSON that is damaged" in note for note in found.notes)
    assert set(found.names["_N"]) == {"a0", "a1", "a2", "a3", "b"}


def test_nothing_is_left_of_a_list_of_wrong_ones(tmp_path):
    path = tmp_path / "edges.json"
    path.write_text("[null, 3]")
    with pytest.raises(FileFormatError, match=r"an empty list.*2 rows LEFT OUT as wrong \(row 1: None; row 2: '3'\)"):
        read_graph(path, skip_bad=5)
    path.write_text("[]")
    with pytest.raises(FileFormatError, match="an empty list"):
        read_graph(path)


def test_prepared_graphs_leave_the_same_rows_out(tmp_path):
    path = table(tmp_path, [*NODES[:4], WRONG["too few cells"][0], *NODES[4:], WRONG["a part that is none"][0]])
    expected = graph_with(tmp_path, path, skip_bad=2)
    prepare(tmp_path / "ring.csv", tmp_path / "folder", nodes=[path], skip_bad=2)
    found = read_prepared(tmp_path / "folder")
    assert found.names == expected.names
    for name, value in expected.view.features["_N"].items():
        assert torch.equal(found.view.features["_N"][name].to(value.dtype), value)
    assert any(f"2 lines of {path} LEFT OUT" in note for note in found.notes)


def test_the_command_line_says_what_it_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("ring.csv").write_text(RING)
    table(tmp_path, [*NODES[:4], WRONG["no node"][0], *NODES[4:]])
    words = ["train", "graphsage", "-i", "ring.csv", "-o", "emb.npz", "--epochs", "2", "--host", "pyg"]
    done = call(*words, "--nodes", "nodes.csv")
    assert (done.exit_code, "--skip-bad N" in done.stderr) == (2, True)
    done = good(*words, "--nodes", "nodes.csv", "--skip-bad", "3")
    assert "1 line of nodes.csv LEFT OUT as wrong (line 6: a line without a node)" in done.output
    Path("y.csv").write_text("node,class\np0,x\np1,y\np2,x\n,y\n")
    done = good(*words, "--features", "one-hot", "--labels", "y.csv", "--skip-bad", "1")
    assert done.output.count("1 line of y.csv LEFT OUT as wrong (line 5: ") == 1
    Path("y.csv").write_text("node,class,split\np0,x,train\np1,y,tset\n")
    done = call("evaluate", "emb.npz", "classification", "--labels", "y.csv")
    assert (done.exit_code, "line 3" in done.stderr, "--skip-bad" in done.stderr) == (2, True, False)
