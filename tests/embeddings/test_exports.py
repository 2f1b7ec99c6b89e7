"""Embeddings in other tools' formats, read back by those tools where they are installed."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext._core.optional import installed
from graphembed_ext.embeddings import formats
from graphembed_ext.errors import FileFormatError, InputError, MissingDependencyError
from graphembed_ext.exports import export
from graphembed_ext.index import NeighborIndex

NAMES = {"item": ["nut", "wood screw", "Schraube ü"], "user": ["ann", "bob"]}


@pytest.fixture
def emb():
    tensor = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    return ge.Embeddings(tensor, {"item": 3, "user": 2}, NAMES)


@pytest.fixture
def many():
    return ge.Embeddings(torch.randn(500, 16, generator=torch.Generator().manual_seed(1)))


def need(package):
    if not installed(package):
        pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize(("name", "binary"), [("emb.txt", False), ("emb.bin", True)])
def test_gensim_loads_word2vec(emb, tmp_path, name, binary):
    need("gensim")
    from gensim.models import KeyedVectors

    (path,) = export(emb, tmp_path / name)
    vectors = KeyedVectors.load_word2vec_format(str(path), binary=binary)
    assert vectors.index_to_key == ["item/nut", "item/wood_screw", "item/Schraube_ü", "user/ann", "user/bob"]
    assert np.array_equal(vectors.vectors, emb.tensor.numpy())
    ours = [name for name, _ in emb.most_similar("nut")]
    theirs = [word for word, _ in vectors.most_similar("item/nut", topn=5) if word.startswith("item/")]
    assert [f"item/{name.replace(' ', '_')}" for name in ours] == theirs


def test_word2vec_text_of_one_type_has_plain_names(tmp_path):
    emb = ge.Embeddings(torch.tensor([[0.1, -2.0], [1e-7, 3.0]]))
    (path,) = export(emb, tmp_path / "emb.any", "word2vec")
    assert path.read_text() == "2 2\n0 0.1 -2.0\n1 1e-07 3.0\n"


def test_names_that_become_equal_are_refused(tmp_path):
    emb = ge.Embeddings(torch.eye(2), names={"_N": ["a b", "a_b"]})
    with pytest.raises(InputError, match="names: got two nodes called 'a_b'"):
        export(emb, tmp_path / "emb.txt")
    assert not list(tmp_path.iterdir())


def test_projector(emb, tmp_path):
    files = export(emb, tmp_path / "projector", "projector")
    tensors, metadata, config = (path.read_text() for path in files)
    rows = [list(map(float, line.split("\t"))) for line in tensors.splitlines()]
    torch.testing.assert_close(torch.tensor(rows), emb.tensor, rtol=0, atol=0)
    assert metadata.splitlines()[:2] == ["name\ttype\tid", "nut\titem\t0"]
    assert len(metadata.splitlines()) == 6
    assert "metadata.tsv" in config


def test_tensorboard_takes_the_projector_config(emb, tmp_path):
    need("tensorboard")
    from google.protobuf import text_format
    from tensorboard.plugins.projector import ProjectorConfig

    config = export(emb, tmp_path, "projector")[-1].read_text()
    parsed = text_format.Parse(config, ProjectorConfig())
    assert parsed.embeddings[0].tensor_path == "tensors.tsv"


def test_safetensors_are_plain_tensors(emb, tmp_path):
    from safetensors.torch import load_file

    (path,) = export(emb, tmp_path / "emb.safetensors")
    tensors = load_file(path)
    assert set(tensors) == {"item", "user"}
    assert torch.equal(tensors["user"], emb["user"])


def test_streams_of_rows_are_the_whole(many, tmp_path, monkeypatch):
    whole = export(many, tmp_path / "a.parquet") + export(many, tmp_path / "a.txt")
    monkeypatch.setattr(formats, "_ROWS", 7)
    parts = export(many, tmp_path / "b.parquet") + export(many, tmp_path / "b.txt")
    assert pq.read_table(whole[0]).equals(pq.read_table(parts[0]))
    assert whole[1].read_bytes() == parts[1].read_bytes()
    assert torch.equal(ge.Embeddings.load(parts[0]).tensor, many.tensor)


def test_index_finds_what_exact_search_finds(many, tmp_path):
    need("usearch")
    (path,) = export(many, tmp_path / "emb.usearch")
    index = NeighborIndex(many, path)
    assert index.approximate
    found = [{name for name, _ in index.most_similar(node, 5)} for node in range(100)]
    exact = [{name for name, _ in many.most_similar(node, 5)} for node in range(100)]
    assert np.mean([len(a & b) / 5 for a, b in zip(found, exact, strict=True)]) > 0.9
    for (_, ours), (_, theirs) in zip(index.most_similar(3, 1), many.most_similar(3, 1), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)


def test_index_of_each_type(emb, tmp_path):
    need("usearch")
    files = export(emb, tmp_path / "emb.usearch")
    assert [path.name for path in files] == ["emb.item.usearch", "emb.user.usearch"]
    index = NeighborIndex(emb, tmp_path / "emb.usearch", "item")
    assert index.most_similar("ann", 3, "user") == emb.most_similar("ann", 3, among="item")
    with pytest.raises(FileFormatError, match="an index of 3 vectors of 4 dimensions; expected one of 2"):
        NeighborIndex(ge.Embeddings(torch.zeros(2, 4)), files[0])
    files[0].write_bytes(b"nothing")
    with pytest.raises(FileFormatError, match=r"index: got .*emb\.item\.usearch"):
        NeighborIndex(emb, tmp_path / "emb.usearch", "item")


def test_without_usearch_search_is_exact(many, tmp_path, monkeypatch):
    (tmp_path / "emb.usearch").touch()
    monkeypatch.setitem(sys.modules, "usearch", None)
    index = NeighborIndex(many, tmp_path / "emb.usearch")
    assert not index.approximate
    assert index.most_similar(3, 5) == many.most_similar(3, 5)
    with pytest.raises(MissingDependencyError, match=r"pip install 'graphembed_ext\[index\]'"):
        export(many, tmp_path / "emb.usearch")


def test_formats_that_are_none(emb, tmp_path):
    with pytest.raises(InputError, match=r"format: got nothing, and a name without a known ending, emb\.xyz"):
        export(emb, tmp_path / "emb.xyz")
    with pytest.raises(InputError, match="format: got hdf5; expected one of 'parquet'"):
        export(emb, tmp_path / "emb.h5", "hdf5")
    with pytest.raises(InputError, match=r"expected a name ending in \.npz"):
        export(emb, tmp_path / "emb.dat", "npz")


def test_csv_has_every_number_exactly(tmp_path):
    tensor = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    emb = ge.Embeddings(tensor, {"a": 2, "b": 3}, {"b": ["x", 'y "z", w', "v"]})
    (path,) = export(emb, tmp_path / "emb.csv")
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["type", "id", "name", "0", "1", "2"]
    assert [row[:3] for row in rows[1:]] == [
        ["a", "0", ""],
        ["a", "1", ""],
        ["b", "0", "x"],
        ["b", "1", 'y "z", w'],
        ["b", "2", "v"],
    ]
    assert torch.equal(torch.tensor([[float(cell) for cell in row[3:]] for row in rows[1:]]), tensor)
