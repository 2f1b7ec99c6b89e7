"""Wrong calls, as people make them: each is met with one line in their words, and with what was meant where that shows.

``python -m tests.cli.test_wrong_calls`` prints the table.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
import torch

import graphembed_ext as ge
from graphembed_ext.errors import GraphEmbedError
from tests.cli.commands import call, friends_and_shop

TRAIN = "train deepwalk -i friends.csv -o out.npz"

#: A command line, and what its answer says.
COMMANDS = [
    ("train deepwlk -i friends.csv -o out.npz", "did you mean 'deepwalk'"),
    ("train node2vek -i friends.csv -o out.npz", "did you mean 'node2vec'"),
    ("train Graph-SAGE -i friends.csv -o out.npz", "did you mean 'graphsage'"),
    ("train friends.csv -o out.npz", "the graph has an option of its own: --input friends.csv"),
    ("train deepwalk friends.csv -o out.npz", "the graph has an option of its own: --input friends.csv"),
    ("train deepwalk -o out.npz", "input: got nothing; expected a value, by --input"),
    ("train deepwalk -i friends.csv", "output: got nothing; expected a value, by --output"),
    ("train -i friends.csv -o out.npz", "model: got nothing; expected a value, by the first argument"),
    ("train deepwalk -i frends.csv -o out.npz", "frends.csv: got the name of a file that does not exist"),
    ("train deepwalk -i . -o out.npz", "expected"),
    ("train deepwalk -i Planetiod/Cora -o out.npz", "Planetoid"),
    ("train deepwalk -i friends.csv -o out.csv", "a name ending in .parquet, .npz or .safetensors"),
    ("train deepwalk -i friends.csv -o none/out.npz", "a file in a folder that exists; none does not"),
    ("train deepwalk -i friends.csv -o friends.csv", "expected"),
    (f"{TRAIN} --set embdim=4", "did you mean"),
    (f"{TRAIN} --set epochs", "set: got epochs; expected NAME=VALUE"),
    (f"{TRAIN} --epochs 0", "epochs: got 0; expected"),
    (f"{TRAIN} --epochs -3", "epochs: got -3; expected"),
    (f"{TRAIN} --lr 0", "lr: got 0"),
    (f"{TRAIN} --dim 0", "got 0; expected"),
    (f"{TRAIN} --threads 0", "threads: got 0; expected an integer of at least 1"),
    (f"{TRAIN} --host dlg", "did you mean 'dgl'"),
    (f"{TRAIN} --device cudda", "device: got cudda; expected"),
    ("train deepwalk -i none.csv -o out.npz --device 3.5", "device: got 3.5; expected"),
    (f"{TRAIN} --precision half", "precision: got half; expected"),
    (f"{TRAIN} --columns from=1", "columns: got from; expected one of source, target"),
    (f"{TRAIN} --columns source=buyer", "columns: got source=buyer; expected"),
    (f"{TRAIN} --encoding latin1x", "encoding: got latin1x; expected an encoding"),
    (f"{TRAIN} --split 2,1", "split: got 2,1; expected parts"),
    (
        f"{TRAIN} --validation shop.csv",
        "shop.csv: got no pair of which the graph has both nodes (such as 'Ben'); expected pairs of its nodes",
    ),
    (f"{TRAIN} --metapath a-b-a", "no metapath: DeepWalk follows none"),
    (f"{TRAIN} --evaluate", "--labels FILE gives some"),
    (f"{TRAIN} --weights out.txt", "a name ending in .pt or .safetensors"),
    (f"{TRAIN} --skip-bad -1", "--skip-bad: got -1; expected"),
    ("train metapath2vec -i friends.csv -o out.npz", "metapath"),
    ("train graphsage -i friends.csv -o out.npz", "--features one-hot"),
    ("train han -i friends.csv -o out.npz --features one-hot", "labels"),
    ("train lightgcn -i friends.csv -o out.npz", "--bipartite takes them for users and items all the same"),
    ("train --config none.yaml -o out.npz", "config: got none.yaml; expected an existing"),
    ("neighbors walks.npz ann", "did you mean 'Ann'"),
    ("neighbors walks.npz Dann", "did you mean 'Dan'"),
    ("neighbors none.npz Ann", "none.npz"),
    ("neighbors walks.npz Ann -k 0", "k: got 0; expected"),
    ("neighbors shop.npz tea --type itm", "did you mean 'item'"),
    ("neighbors shop.npz tea --type user", "tea, which is the name of a node of type item"),
    ("neighbors walks.npz Ann --index none.usearch", "graphembed export writes one"),
    ("recommend shop.npz tea", "tea, which is the name of an item; expected names of users"),
    ("recommend shop.npz ben", "did you mean 'Ben'"),
    ("recommend shop.npz", "--all --output FILE.csv lists the items of every user"),
    ("recommend shop.npz --all", "--output FILE.csv"),
    ("recommend walks.npz Ann", "walks.npz, of deepwalk; expected embeddings trained by lightgcn"),
    ("recommend walks.npz.json Ann", "walks.npz.json"),
    ("evaluate walks.npz linkz", "did you mean 'links'"),
    ("evaluate walks.npz links", "--test FILE"),
    ("evaluate walks.npz links --test friends.csv", "which was trained on"),
    ("evaluate walks.npz", "friends.csv has none"),
    ("evaluate shop.npz recommendation --test turned.csv", "users in the first column, items in the second"),
    ("split friends.csv --strategy timee", "did you mean 'time'"),
    ("split friends.csv --shares 8:1:x", "three numbers, such as 8:1:1"),
    ("split friends.csv --time when", "time: got when; expected a column"),
    ("split friends.csv --min-rating 4", "an edge list with a column of ratings"),
    ("export walks.npz emb.xls", "emb.xls"),
    ("export walks.npz emb.csv --format cvs", "did you mean 'csv'"),
    ("export walks.npz model.onnx", "of deepwalk; expected a run of graphsage or han"),
    ("embed walks.npz -i friends.csv -o out.npz", "graphembed update walks.npz"),
    ("update walks.npz -i friends.csv -o out.npz", "vectors alone do not tell what a model has learned"),
    ("compare walks.npz", "two files of embeddings at least"),
    ("compare walks.npz walks.npz", "embeddings: got walks.npz twice; expected different files"),
    ("evaluate walks.npz links --test friends.csv --repeats 0", "repeats: got 0; expected an integer of at least 1"),
    ("card none.npz", "none.npz.json, which does not exist"),
    ("fetch Planetiod/Cora", "Planetoid"),
    ("plot walks.npz mpa", "did you mean 'map'"),
    ("plot map walks.npz", "kind: got map before the file; expected the file first. Hint: walks.npz map"),
    ("evaluate links walks.npz --test turned.csv", "expected the file first. Hint: walks.npz links"),
    ("split friends.csv -o parts --delimiter ;", "got one column, 'source,target'; expected at least two"),
]

RING = torch.tensor([[0, 1, 2], [1, 2, 0]])
#: A call of Python, and what its error says.
CALLS = {
    "ge.DeepWalk(g, embdim=4)": (lambda: ge.DeepWalk(RING, embdim=4), "did you mean 'emb_dim'"),
    "ge.DeepWalk(None)": (lambda: ge.DeepWalk(None), "graph"),
    "ge.create('deepwlk', g)": (lambda: ge.create("deepwlk", RING), "did you mean 'deepwalk'"),
    "ge.fit(model, epochs='3')": (
        lambda: ge.fit(walks(), epochs="3"),
        "epochs: got 3; expected an integer of at least 1",
    ),
    "ge.fit(model, epoch=3)": (lambda: ge.fit(walks(), epoch=3), "did you mean 'epochs'"),
    "ge.embed(model, nodes=[9])": (lambda: ge.embed(walks(), nodes=[9]), "node: got 9; expected an id from 0 to 2"),
    "emb['ann']": (lambda: people()["ann"], "did you mean 'Ann'"),
    "emb.most_similar('Dann')": (lambda: people().most_similar("Dann"), "did you mean 'Dan'"),
    "emb.save('emb.csv')": (lambda: people().save("emb.csv"), ".parquet"),
    "ge.Embeddings.load('none.npz')": (lambda: ge.Embeddings.load("none.npz"), "none.npz"),
    "ge.readers.read_graph('none.csv')": (lambda: ge.readers.read_graph("none.csv"), "does not exist"),
    "ge.fit(model, learning_rate=.1)": (lambda: ge.fit(walks(), learning_rate=0.1), "did you mean 'lr'"),
    "ge.fit(model, verbose=True)": (lambda: ge.fit(walks(), verbose=True), "did you mean 'progress'"),
    "ge.fit(model, lr='fast')": (lambda: ge.fit(walks(), lr="fast"), "lr: got fast; expected a finite number above 0"),
    "ge.fit(model, optimizer='adamm')": (lambda: ge.fit(walks(), optimizer="adamm"), "a class of torch.optim"),
    "ge.fit(model, another graph)": (
        lambda: ge.fit(walks(), RING.flip(0)),
        "DeepWalk trains on the graph it was built on",
    ),
    "ge.fit(ge.DeepWalk)": (lambda: ge.fit(ge.DeepWalk), "expected a model of graphembed_ext that fit trains"),
    "ge.DeepWalk('friends.csv')": (lambda: ge.DeepWalk("friends.csv"), "ge.readers.read_graph(path).named_view"),
    "ge.view(Path('friends.csv'))": (lambda: ge.view(Path("friends.csv")), "ge.readers.read_graph(path).named_view"),
    "ge.create(ge.DeepWalk, g)": (lambda: ge.create(ge.DeepWalk, RING), "expected one of 'deepwalk'"),
    "ge.LightGCN(g, 4, 2)": (lambda: ge.LightGCN(RING, 4, 2), "num_nodes: got"),
    "emb[-1]": (lambda: people()[-1], "an id from 0 to 2"),
    "emb[0:2]": (lambda: people()[0:2], "a node type, a node's name or id, or a list of them"),
    "emb.most_similar(['Ann', 'Bob'])": (lambda: people().most_similar(["Ann", "Bob"]), "emb[[...]] has the vectors"),
    "ge.Embeddings.load('emb.csv')": (lambda: ge.Embeddings.load("emb.csv"), "a name ending in .parquet, .npz"),
    "node_classification(emb, [0, 1])": (
        lambda: ge.evaluate.node_classification(people(), [0, 1]),
        "y: got shape (2,); expected (3,) or (3, C): a row for each node",
    ),
    "link_prediction(emb, names, names)": (
        lambda: ge.evaluate.link_prediction(people(), [("Dan", "Ann")], [("Dan", "Bob")]),
        "expected node ids, shape (2, number of pairs)",
    ),
    "ge.plots.embedding_map(emb, names=emb.names)": (
        lambda: ge.plots.embedding_map(people(), names=people().names),
        "expected a list of labels",
    ),
    "ge.LightGCN(4, embeding_dim=2, ...)": (
        lambda: ge.LightGCN(4, embeding_dim=2, num_layers=1),
        "did you mean 'embedding_dim'",
    ),
}


def walks():
    return ge.DeepWalk(RING, emb_dim=4, walk_length=4, window_size=2)


def people():
    return ge.Embeddings(torch.eye(3), names={"_N": ["Dan", "Ann", "Bob"]})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrong")
    friends_and_shop(folder)
    return folder


def answer(text):
    """Exit code and what stands on the error stream."""
    done = call(*text.split())
    return done.exit_code, done.stderr.rstrip("\n")


@pytest.mark.parametrize(("text", "wanted"), COMMANDS, ids=[text for text, _ in COMMANDS])
def test_a_wrong_command_line(place, monkeypatch, text, wanted):
    monkeypatch.chdir(place)
    before = set(place.iterdir())
    code, said = answer(text)
    assert code == 2, said
    assert said.startswith("graphembed: ")
    assert "\n" not in said
    assert wanted in said
    assert set(place.iterdir()) == before


@pytest.mark.parametrize(
    "text",
    [
        "card {}",
        "update {}.npz -i friends.csv -o out.npz",
        "split {} -o parts",
        "split friends.csv -o {}",
        "train deepwalk -i {} -o out.npz",
        f"{TRAIN} --config {{}}.yaml",
        f"{TRAIN} --labels {{}}",
    ],
)
def test_a_path_of_five_thousand_letters_is_refused_as_any_wrong_call(place, monkeypatch, text):
    """It was printed whole, as an error of the system, with the exit code of what failed."""
    monkeypatch.chdir(place)
    code, said = answer(text.format("n" * 5000))
    assert code == 2, said
    assert "the path of a file (File name too long)" in said
    assert len(said) < 900


@pytest.mark.parametrize("text", CALLS)
def test_a_wrong_call_of_python(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    function, wanted = CALLS[text]
    with pytest.raises(GraphEmbedError) as error:
        function()
    assert wanted in str(error.value)
    assert "\n" not in str(error.value)


def main():
    """Print the table."""
    folder = Path(tempfile.mkdtemp())
    os.chdir(folder)
    friends_and_shop(folder)
    for text, wanted in COMMANDS:
        code, said = answer(text)
        mark = "" if code == 2 and wanted in said and "\n" not in said else "  <-- WRONG"
        print(f"graphembed {text}\n    {said}{mark}")
    for text, (function, wanted) in CALLS.items():
        try:
            said, mark = f"{function()!r}", "  <-- WRONG"
        except Exception as error:
            said, mark = str(error), "" if wanted in str(error) else "  <-- WRONG"
        print(f"{text}\n    {said}{mark}")


if __name__ == "__main__":
    sys.exit(main())
