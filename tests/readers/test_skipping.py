"""Lines that are wrong are left out where so many may be, and told; the rest is the table without them."""

from __future__ import annotations

import gzip
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphembed_ext.errors import FileFormatError, InputError
from graphembed_ext.readers import read_graph
from graphembed_ext.readers.lines import lines_of
from graphembed_ext.readers.preparation import prepare
from graphembed_ext.readers.prepared import read_prepared
from tests.cli.commands import call, good

#: A line of each kind of wrong, with what is said of it.
WRONG = {
    "too many cells": ("Ada,Bob,1,2", "4 columns, 'Ada,Bob,1,2'"),
    "too few cells": ("Ada,Bob", "2 columns, 'Ada,Bob'"),
    "no node": ("Ada,,3", "an edge without a node at one end"),
    "a word for no value": ("Ada,NULL,3", "'NULL' in place of a node"),
    "a weight that is none": ("Ada,Bob,three", "the edge weight 'three' in column 'weight'"),
    "titles again": ("source,target,weight", "the titles again, source, target, weight"),
}
GOOD = [f"p{i},p{(i * 7 + 1) % 40},{i % 5 + 1}" for i in range(40)]


def write(path, lines):
    path.write_text("source,target,weight\n" + "\n".join(lines) + "\n")
    return path


def same(found, expected):
    assert found.names == expected.names
    for edge_type, ends in expected.view.edges.items():
        for mine, theirs in zip(found.view.edges[edge_type], ends, strict=True):
            assert mine.equal(theirs)
        features = expected.view.edge_features.get(edge_type, {})
        for name, value in features.items():
            assert found.view.edge_features[edge_type][name].equal(value)


def left_out(path, wrong):
    """The note of a file that is refused for these lines, and without them is that of the good ones."""
    with pytest.raises(FileFormatError, match=f"{wrong[0]}.*; --skip-bad N leaves out N lines that are wrong"):
        read_graph(path)
    found = read_graph(path, skip_bad=len(wrong))
    same(found, read_graph(write(path.parent / "good.csv", GOOD)))
    (note,) = [note for note in found.notes if "LEFT OUT" in note]
    unit = wrong[0].partition(" ")[0]
    assert note.startswith(f"{len(wrong)} {unit}{'s' * (len(wrong) > 1)} LEFT OUT as wrong ({wrong[0]}: ")
    assert all(f"{each}: " in note for each in wrong)
    return note


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("places", [(3,), (0, 17, 40)])
def test_the_graph_is_that_of_the_other_lines(tmp_path, kind, places):
    line, what = WRONG[kind]
    lines = list(GOOD)
    for place in reversed(places):
        lines.insert(place, line)
    numbers = [2 + place + before for before, place in enumerate(places)]
    path = write(tmp_path / "bad.csv", lines)
    note = left_out(path, [f"line {number}" for number in numbers])
    assert f"LEFT OUT as wrong (line {numbers[0]}: {what}" in note


def records_of(lines):
    return [dict(zip(("source", "target", "weight"), line.split(","), strict=True)) for line in lines]


@pytest.mark.parametrize("kind", ["no node", "a word for no value", "a weight that is none"])
@pytest.mark.parametrize("places", [(3,), (0, 17, 42)])
@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_records_are_left_out_as_lines_are(tmp_path, kind, places, ending):
    line, what = WRONG[kind]
    lines = list(GOOD)
    for place in places:
        lines.insert(place, line)
    path, unit = tmp_path / f"bad{ending}", "row" if ending == ".parquet" else "line"
    if ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(records_of(lines)), path)
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in records_of(lines)))
    note = left_out(path, [f"{unit} {1 + place}" for place in places])
    assert what.replace("'weight'", "") in note.replace("'weight'", "")


def test_a_line_of_json_that_is_cut_short_is_left_out(tmp_path):
    lines = [json.dumps(record) for record in records_of(GOOD)]
    lines[20:20] = ['{"source": "Ada", "tar', ""]
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(FileFormatError, match="line 21: got JSON that is damaged"):
        read_graph(path)
    same(read_graph(path, skip_bad=1), read_graph(write(tmp_path / "good.csv", GOOD)))


def test_lines_of_all_kinds_in_any_order_packed_too(tmp_path):
    draws = np.random.default_rng(0)
    for trial in range(20):
        lines = list(GOOD)
        wrong = draws.choice(list(WRONG), draws.integers(1, 9))
        for kind in wrong:
            lines.insert(int(draws.integers(1, len(lines) + 1)), WRONG[kind][0])
        path = tmp_path / f"bad{trial}.csv.gz"
        path.write_bytes(gzip.compress(("source,target,weight\n" + "\n".join(lines)).encode()))
        found = read_graph(path, skip_bad=8)
        same(found, read_graph(write(tmp_path / "good.csv", GOOD)))
        numbers = [2 + place for place, line in enumerate(lines) if line not in GOOD]
        (note,) = [note for note in found.notes if "LEFT OUT" in note]
        more = re.search(r"also lines? ([\d, ]+)", note)
        told = re.findall(r"line (\d+): ", note) + ([] if more is None else more[1].split(", "))
        assert [int(number) for number in told] == numbers
        with pytest.raises(FileFormatError):
            read_graph(path, skip_bad=len(numbers) - 1)


def test_one_line_more_than_may_be_is_refused(tmp_path):
    path = write(tmp_path / "bad.csv", [*GOOD, "a", "b", "c,,1"])
    with pytest.raises(
        FileFormatError, match=r"line 42: .*more than the 2 lines that --skip-bad 2 leaves out are wrong"
    ):
        read_graph(path, skip_bad=2)


def test_what_is_wrong_with_the_whole_is_refused_as_ever(tmp_path):
    (tmp_path / "one.csv").write_text("a\nb\nc\n")
    with pytest.raises(FileFormatError, match="one column"):
        read_graph(tmp_path / "one.csv", skip_bad=100)
    with pytest.raises(InputError, match="skip_bad"):
        read_graph(tmp_path / "one.csv", skip_bad=-1)


def test_many_lines_are_told_by_number(tmp_path):
    lines = [entry for line in GOOD for entry in (line, "x", "y")]
    found = read_graph(write(tmp_path / "bad.csv", lines), skip_bad=1000)
    (note,) = [note for note in found.notes if "LEFT OUT" in note]
    assert note.startswith("80 lines LEFT OUT as wrong (line 3: 1 column, 'x'; line 4: 1 column, 'y'; line 6: ")
    assert note.endswith(" and 30 more)")


def test_prepared_graphs_leave_the_same_out(tmp_path):
    path = write(tmp_path / "bad.csv", [*GOOD[:9], "x", *GOOD[9:], "p1,,2"])
    prepare(path, tmp_path / "folder", skip_bad=2)
    found, expected = read_prepared(tmp_path / "folder"), read_graph(path, skip_bad=2)
    assert found.names == expected.names
    assert any("2 lines LEFT OUT" in note for note in found.notes)
    ((src, dst),) = expected.view.edges.values()
    assert found.view.csr().indices.tolist() == expected.view.csr().indices.tolist()
    assert found.view.total_edges == len(src) == len(dst)


def test_lines_to_part_are_told_too(tmp_path):
    path = write(tmp_path / "bad.csv", [*GOOD[:9], "x", *GOOD[9:], "p1,,2"])
    lines = lines_of(path, skip_bad=2)
    assert len(lines) == len(GOOD)
    assert "2 lines LEFT OUT" in lines.notes[0]


def test_the_command_line_says_what_it_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "bad.csv", [*GOOD[:9], "x", *GOOD[9:], "p1,,2"])
    small = ["--emb-dim", "4", "--walk-length", "6", "--window-size", "2", "--epochs", "1", "--host", "pyg"]
    done = call("train", "deepwalk", "-i", "bad.csv", "-o", "emb.npz", *small)
    assert (done.exit_code, "line 11" in done.stderr) == (2, True)
    done = good("train", "deepwalk", "-i", "bad.csv", "-o", "emb.npz", *small, "--skip-bad", "5")
    assert (
        "2 lines LEFT OUT as wrong (line 11: 1 column, 'x'; line 43: an edge without a node at one end)" in done.output
    )
    assert "2 lines LEFT OUT" in good("split", "bad.csv", "-o", "parts", "--skip-bad", "5").output
