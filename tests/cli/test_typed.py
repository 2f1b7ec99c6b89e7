"""Messages name the option that a person typed, whatever Python calls it."""

from __future__ import annotations

import pytest

from graphembed_ext.cli.typed import in_words, note
from graphembed_ext.errors import FileFormatError, InputError
from tests.cli.commands import call, friends_and_shop

TRAIN = "train deepwalk -i friends.csv -o out.npz"
SHOP = "train lightgcn -i shop.csv -o out.npz"
SAGE = "train graphsage -i friends.csv -o out.npz --features one-hot"
LINKS = "evaluate walks.npz links --test turned.csv"

#: A command line whose last two words are an option and a wrong value, and what is expected instead.
OPTIONS = [
    (f"{TRAIN} --config none.json", "an existing .yaml, .toml or .json file"),
    (f"{TRAIN} --host dlg", "one of 'dgl'"),
    (f"{TRAIN} --columns wrong", "ROLE=COLUMN"),
    (f"{TRAIN} --encoding wrong", "an encoding that Python knows"),
    (f"{TRAIN} --skip-bad -7", "an integer of at least 0"),
    (f"{TRAIN} --time-column when", "a column: source, target"),
    (f"{TRAIN} --label-column class", "a table that has this column. Hint: --labels FILE or --nodes FILE"),
    (f"{TRAIN} --split wrong", "parts for training, validation and test"),
    (f"{TRAIN} --dim 0", "an integer of at least 1"),
    (f"{TRAIN} --emb-dim 0", "an integer of at least 1"),
    (f"{TRAIN} --embedding-dim 0", "an integer of at least 1"),
    (f"{SAGE} --dim 0", "an integer of at least 1"),
    (f"{SHOP} --dim 0", "an integer of at least 1"),
    (f"{TRAIN} --walk-length -7", "an integer of at least 1"),
    (f"{TRAIN} --window-size -7", "an integer of at least 1"),
    (f"{TRAIN} --negative-size -7", "an integer of at least 1"),
    (f"{TRAIN} --neg-weight -7", "a finite number of at least 0"),
    (f"{TRAIN} --p -7", "a finite number above 0"),
    (f"{TRAIN} --q=-7", "a finite number above 0"),
    (f"{TRAIN} --walk-engine wrong", "one of 'auto', 'dgl', 'torch'"),
    (f"{TRAIN} --heads 4", "no such option: the model has none. Hint: graphembed train -h says which models have it"),
    (f"{TRAIN} --hidden-channels 4", "no such option: the model has none"),
    (f"{TRAIN} --patience 0", "an integer of at least 1"),
    (f"{TRAIN} --batch-size 0", "an integer of at least 1"),
    (f"{TRAIN} --checkpoint-every -7", "an integer of at least 1"),
    (f"{TRAIN} --seed -7", "an integer from 0 to 2**63 - 1"),
    (f"{TRAIN} --device wrong", "one of 'cpu'"),
    (f"{TRAIN} --loss wrong", "one of 'stable'"),
    (f"{SAGE} --num-layers 0", "an integer of at least 1"),
    (f"{SAGE} --dropout 7", "a number from 0"),
    (f"{SAGE} --aggr wrong", "the name of an aggregation"),
    ("tune deepwalk -i friends.csv -o out.npz --search wrong", "NAME=LOW..HIGH or NAME=VALUE,VALUE"),
    ("tune deepwalk -i friends.csv -o out.npz --minutes -7", "a finite number above 0"),
    ("split friends.csv -o parts --time-column when", "a column: source, target"),
    ("split friends.csv -o parts --time when", "a column: source, target"),
    ("split friends.csv -o parts --seed -7", "an integer of at least 0"),
    ("split friends.csv -o parts --shares wrong", "three numbers"),
    ("split friends.csv -o parts -s wrong", "one of 'random'"),
    (f"{LINKS} --score wrong", "one of 'auto'"),
    (f"{LINKS} --repeats -7", "an integer of at least 1"),
    (f"{LINKS} --labels wrong.csv", "no table of nodes, as links is judged by pairs"),
    (f"{LINKS} --label-column wrong", "no table of nodes, as links is judged by pairs"),
    ("plot walks.npz map --type wrong", "no type: the nodes are all of one"),
    ("plot shop.npz map --type itm", "one of 'item', 'user'. Hint: did you mean 'item'"),
    ("plot walks.npz map --method wrong", "one of 'auto'"),
    ("plot walks.npz map --label-column wrong", "a table that has this column"),
    ("plot walks.npz map --mark Dann", "a name of one of the vectors. Hint: did you mean 'Dan'"),
    ("plot walks.npz map -o map.jpg", "a name ending in .png"),
    ("neighbors walks.npz Ann -t wrong", "no type: the nodes are all of one"),
    ("neighbors walks.npz Ann -k 0", "an integer of at least 1"),
    ("recommend shop.npz Ben -k 0", "an integer of at least 1"),
    ("card walks.npz -o card.html", "a name ending in .md"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typed")
    friends_and_shop(folder)
    return folder


@pytest.mark.parametrize(("text", "expected"), OPTIONS, ids=[text for text, _ in OPTIONS])
def test_the_option_is_named_as_it_was_typed(place, monkeypatch, text, expected):
    monkeypatch.chdir(place)
    before = set(place.iterdir())
    done = call(*text.split())
    words = text.split()
    flag = words[-1].partition("=")[0] if "=" in words[-1] else words[-2]
    flag = {"-s": "--strategy", "-t": "--type", "-k": "--k", "-o": "--output"}.get(flag, flag)
    said = done.stderr.rstrip("\n")
    assert done.exit_code == 2, said
    assert said.startswith(f"graphembed: {flag}: got "), said
    assert f"; expected {expected}" in said
    assert "\n" not in said
    assert set(place.iterdir()) == before


class Parameter:
    def __init__(self, name, *opts):
        self.name, self.opts, self.secondary_opts = name, opts, ()


def test_only_what_was_typed_is_named():
    note([Parameter("time_column", "--time-column"), Parameter("labels", "--labels")], ["--time-column", "when"])
    assert in_words(InputError("time", "when", "a column")) == "--time-column: got when; expected a column."
    assert in_words(InputError("labels", "nothing", "a file")) == "labels: got nothing; expected a file."
    assert (
        in_words(FileFormatError("a.csv, line 1", "nothing", "a table"))
        == "a.csv, line 1: got nothing; expected a table."
    )
    assert in_words(OSError("no room")) == "no room"
