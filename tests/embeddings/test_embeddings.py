"""Embeddings: by type, by name, to files and back."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import torch

import graphembed_ext as ge
from graphembed_ext._core.memory import peak
from graphembed_ext.errors import FileFormatError, InputError

TENSOR = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 2.0], [3.0, 0.1], [0.1, 1.0]])
TYPED = {"item": 3, "user": 2}
NAMES = {"item": ["nut", "bolt", "über-screw"], "user": ["ann", "bob"]}


@pytest.fixture(params=[None, NAMES], ids=["ids", "names"])
def emb(request):
    return ge.Embeddings(TENSOR.clone(), TYPED, request.param)


def test_by_type(emb):
    assert emb.node_types == list(emb) == ["item", "user"]
    assert torch.equal(emb["user"], TENSOR[3:])
    assert ("user" in emb, "tag" in emb, len(emb)) == (True, False, 5)
    assert repr(emb) == "Embeddings(item 3, user 2; 2 dimensions)"
    with pytest.raises(InputError, match="node_type: got tag; expected one of 'item', 'user'"):
        emb["tag"]


def test_embed_is_a_snapshot(build, camps):
    graph = build(camps)
    model = ge.DeepWalk(graph, emb_dim=4, seed=0)
    emb = ge.embed(model, graph)
    before = emb.tensor.clone()
    ge.fit(model, epochs=2, progress=False)
    assert torch.equal(emb.tensor, before)
    assert not torch.equal(ge.embed(model).tensor, before)
    assert emb.num_nodes == {"item": 7, "user": 6}
    assert not emb.tensor.requires_grad


@pytest.mark.parametrize("suffix", [".parquet", ".npz", ".safetensors"])
def test_save_and_load(emb, tmp_path, suffix):
    path = emb.save(tmp_path / f"emb{suffix}")
    loaded = ge.Embeddings.load(path)
    assert torch.equal(loaded.tensor, emb.tensor)
    assert loaded.num_nodes == emb.num_nodes
    assert loaded.names == emb.names
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_parquet_is_readable_by_others(tmp_path):
    pd = pytest.importorskip("pandas")
    ge.Embeddings(TENSOR, TYPED, NAMES).save(tmp_path / "emb.parquet")
    frame = pd.read_parquet(tmp_path / "emb.parquet")
    assert frame["name"].tolist() == NAMES["item"] + NAMES["user"]
    assert frame["id"].tolist() == [0, 1, 2, 0, 1]
    assert frame["type"].tolist() == ["item"] * 3 + ["user"] * 2
    assert frame["vector"][3].tolist() == pytest.approx([3.0, 0.1])


def test_files_that_are_none(tmp_path):
    emb = ge.Embeddings(TENSOR)
    with pytest.raises(FileFormatError, match=r"ending in \.parquet, \.npz or \.safetensors"):
        emb.save(tmp_path / "emb.csv")
    with pytest.raises(FileFormatError, match="expected an existing file"):
        ge.Embeddings.load(tmp_path / "emb.npz")
    for name in ("emb.npz", "emb.parquet", "emb.safetensors"):
        path = tmp_path / name
        path.write_bytes(b"PAR1 something else")
        with pytest.raises(FileFormatError, match="expected a file written by"):
            ge.Embeddings.load(path)
        truncated = emb.save(path).read_bytes()[:-40]
        path.write_bytes(truncated)
        with pytest.raises(FileFormatError, match="expected a file written by"):
            ge.Embeddings.load(path)
    with pytest.raises(FileNotFoundError, match=r"path: got .*; expected a file in a folder that exists"):
        emb.save(tmp_path / "nowhere" / "emb.npz")


def archive(path, **heads):
    """An .npz whose arrays are what is said of them, in order: a head, and the bytes behind it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, (head, values) in heads.items():
            content = io.BytesIO()
            np.lib.format.write_array_header_1_0(content, head)
            file.writestr(f"{name}.npy", content.getvalue() + values)


def test_an_archive_that_is_cut_off_or_asks_for_more_than_it_has_is_refused(tmp_path):
    path = tmp_path / "emb.npz"
    parts = {"types": ({"descr": "<U1", "fortran_order": False, "shape": (1,)}, "a".encode("utf-32-le"))}
    parts["counts"] = ({"descr": "<i8", "fortran_order": False, "shape": (1,)}, (2).to_bytes(8, "little"))
    parts["names"] = ({"descr": "<U1", "fortran_order": False, "shape": (0,)}, b"")
    head = {"descr": "<f4", "fortran_order": False, "shape": (2, 4)}
    archive(path, **parts, vectors=(head, bytes(32)))
    assert ge.Embeddings.load(path).tensor.shape == (2, 4)
    before = peak()
    for shape, values in (((2, 4), bytes(20)), ((2, 10**9), bytes(32)), ((-1, 4), bytes(32))):
        archive(path, **parts, vectors=(head | {"shape": shape}, values))
        with pytest.raises(FileFormatError, match="expected a file written by"):
            ge.Embeddings.load(path)
    archive(path, **parts)
    path.write_bytes(path.read_bytes().replace(b"\x93NUMPY", b"\x93NUMPX"))
    with pytest.raises(FileFormatError, match="expected a file written by"):
        ge.Embeddings.load(path)
    assert peak() - before < 100 << 20


def test_vectors_that_went_through_pandas_come_back(tmp_path):
    pd = pytest.importorskip("pandas")
    emb = ge.Embeddings(TENSOR, TYPED, NAMES)
    frame = pd.read_parquet(emb.save(tmp_path / "emb.parquet"))
    frame.to_parquet(tmp_path / "again.parquet")
    again = ge.Embeddings.load(tmp_path / "again.parquet")
    assert torch.equal(again.tensor, emb.tensor)
    assert again.names == emb.names
    frame["vector"] = [row[: 1 + i % 2] for i, row in enumerate(frame["vector"])]
    frame.to_parquet(tmp_path / "again.parquet")
    with pytest.raises(FileFormatError, match="vectors of 2 lengths"):
        ge.Embeddings.load(tmp_path / "again.parquet")


def test_most_similar_equals_plain_loops():
    generator = torch.Generator().manual_seed(0)
    emb = ge.Embeddings(torch.randn(20, 5, generator=generator))
    vectors = emb.tensor.tolist()

    def cosine(a, b):
        norms = (sum(x * x for x in a) * sum(x * x for x in b)) ** 0.5
        return sum(x * y for x, y in zip(a, b, strict=True)) / norms

    expected = sorted(((i, cosine(vectors[4], v)) for i, v in enumerate(vectors) if i != 4), key=lambda e: -e[1])
    found = emb.most_similar(4, k=6)
    assert [i for i, _ in found] == [i for i, _ in expected[:6]]
    assert [c for _, c in found] == pytest.approx([c for _, c in expected[:6]], abs=1e-6)
    assert len(emb.most_similar(4, k=500)) == 19


def test_most_similar_of_typed_and_named_nodes():
    emb = ge.Embeddings(TENSOR, TYPED, NAMES)
    assert [name for name, _ in emb.most_similar("nut")] == ["bolt", "über-screw"]
    assert [name for name, _ in emb.most_similar("ann", k=1, among="item")] == ["nut"]
    assert [name for name, _ in emb.most_similar(1, node_type="user", among="item", k=1)] == ["über-screw"]
    with pytest.raises(InputError, match=r"node: got nutt; expected the name of a node. Hint: did you mean 'nut'"):
        emb.most_similar("nutt", node_type="item")
    with pytest.raises(InputError, match=r"node_type: got nothing; expected one of 'item', 'user'"):
        emb.most_similar(1)
    with pytest.raises(InputError, match=r"node: got 7; expected an id from 0 to 2"):
        emb.most_similar(7, node_type="item")
    with pytest.raises(InputError, match=r"k: got 0"):
        emb.most_similar("nut", k=0)


def test_equal_vectors_come_in_order_of_id():
    emb = ge.Embeddings(torch.ones(5, 3))
    assert [i for i, _ in emb.most_similar(2)] == [0, 1, 3, 4]


def test_to_pandas():
    pytest.importorskip("pandas")
    frame = ge.Embeddings(TENSOR, TYPED, NAMES).to_pandas()
    assert frame.columns.tolist() == ["type", "id", "name", "0", "1"]
    assert frame.iloc[4].tolist() == ["user", 1, "bob", pytest.approx(0.1), 1.0]
    assert ge.Embeddings(TENSOR).to_pandas()["name"].tolist() == ["0", "1", "2", "3", "4"]


def test_sizes_must_fit():
    with pytest.raises(InputError, match=r"tensor: got 5 rows; expected 7"):
        ge.Embeddings(TENSOR, {"a": 7})
    with pytest.raises(InputError, match=r"names: got 1 names for type '_N'; expected 5 names"):
        ge.Embeddings(TENSOR, names={"_N": ["a"]})
    with pytest.raises(InputError, match=r"tensor: got shape \(4,\)"):
        ge.Embeddings(torch.zeros(4))
    with pytest.raises(InputError, match=r"model: got a Linear"):
        ge.embed(torch.nn.Linear(2, 2))


def test_by_name():
    emb = ge.Embeddings(TENSOR, TYPED, NAMES)
    assert torch.equal(emb["ann"], TENSOR[3])
    assert torch.equal(emb[["bob", "nut"]], TENSOR[[4, 0]])
    assert emb[[]].shape == (0, 2)
    untyped = ge.Embeddings(TENSOR, names={"_N": ["a", "b", "c", "d", "_N"]})
    assert torch.equal(untyped["b"], TENSOR[1])
    assert torch.equal(untyped["_N"], TENSOR), "a node type comes before a name"
    assert torch.equal(ge.Embeddings(TENSOR)[[4, 2]], TENSOR[[4, 2]]), "ids, where there are no names"
    with pytest.raises(InputError, match=r"node_type: got anna; expected one of 'item', 'user'.*did you mean 'ann'"):
        emb["anna"]
    with pytest.raises(InputError, match="node_type: got nothing; expected one of 'item', 'user'"):
        emb[["ann", "carl"]]
    twice = ge.Embeddings(TENSOR, TYPED, {"item": ["x", "y", "z"], "user": ["x", "u"]})
    with pytest.raises(InputError, match="'x' alone is not enough"):
        twice["x"]


def test_as_an_array():
    np = pytest.importorskip("numpy")
    emb = ge.Embeddings(TENSOR.clone().requires_grad_(), TYPED, NAMES)
    expected = TENSOR.numpy()
    assert np.array_equal(np.asarray(emb), expected)
    assert np.asarray(emb, dtype="f8").dtype == np.float64
    assert np.array_equal(emb.numpy(), expected)
    assert np.array(emb, copy=True) is not emb.numpy()
    if int(np.__version__.split(".")[0]) > 1:  # before, copy=False stood for "where need be"
        with pytest.raises(ValueError, match="copy"):
            np.array(emb, dtype="f8", copy=False)
    assert torch.equal(torch.as_tensor(emb), TENSOR)
    assert torch.equal(torch.from_dlpack(emb), TENSOR)
    assert emb.shape == (5, 2)
    copied = np.array(emb, copy=True)
    copied[:] = 0
    assert np.array_equal(emb.numpy(), expected)


def test_scikit_learn_takes_them():
    cluster = pytest.importorskip("sklearn.cluster")
    emb = ge.Embeddings(TENSOR, TYPED, NAMES)
    assert cluster.KMeans(2, n_init=1, random_state=0).fit(emb).labels_.shape == (5,)


def test_a_node_by_its_id():
    emb = ge.Embeddings(torch.arange(6.0).view(3, 2))
    assert emb[2].tolist() == [4, 5]
    for wrong in (3, -1, 1.0, True, None):
        with pytest.raises(InputError, match="got " + str(wrong)):
            emb[wrong]


def test_numbers_come_back_as_they_were(tmp_path):
    """float64 among them: a third in float32 is another number."""
    emb = ge.Embeddings(torch.full((3, 2), 1 / 3, dtype=torch.float64))
    for name in ("emb.parquet", "emb.npz", "emb.safetensors"):
        back = ge.Embeddings.load(emb.save(tmp_path / name)).tensor
        assert back.dtype == torch.float64
        assert torch.equal(back, emb.tensor)
    single = ge.Embeddings(torch.full((3, 2), 1 / 3))
    assert ge.Embeddings.load(single.save(tmp_path / "single.parquet")).tensor.dtype == torch.float32


def test_vectors_without_a_direction_are_near_to_nothing():
    emb = ge.Embeddings(torch.tensor([[1.0, 0.0], [torch.nan, 0.0], [0.0, 1.0]]), names={"_N": ["a", "b", "c"]})
    for node in ("a", "b"):
        with pytest.raises(InputError, match="tensor: got NaN or infinite entries in the vector of 'b'"):
            emb.most_similar(node)


def test_names_are_each_a_nodes_own():
    with pytest.raises(InputError, match="names: got two nodes of type '_N' called 'a'; expected a name for each"):
        ge.Embeddings(torch.eye(3), names={"_N": ["a", "b", "a"]})


@pytest.mark.parametrize("node", [[0, 1], None, True, 0.0, torch.tensor(0), ("a",), {"a"}])
def test_a_node_is_a_name_or_an_id(node):
    emb = ge.Embeddings(torch.eye(3), names={"_N": ["a", "b", "c"]})
    with pytest.raises(InputError, match=r"node: got .*; expected the name of a node, or its id"):
        emb.most_similar(node)


def test_embeddings_of_arrays_and_lists():
    import numpy as np

    assert ge.Embeddings(np.eye(2)).tensor.dtype == torch.float64
    assert ge.Embeddings([[1, 0], [0, 1]]).most_similar(0) == [(1, 0.0)]
