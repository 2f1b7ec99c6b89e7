"""The command line, called as a shell calls it, and files for it."""

from __future__ import annotations

import numpy as np
from typer.testing import CliRunner

from graphembed_ext.cli.entry import app

__all__ = ["call", "good", "write_ring"]


def call(*arguments, **options):
    """What ``graphembed ARGUMENTS`` did; options are those of ``CliRunner.invoke``, such as ``env``."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **options)


def good(*arguments):
    """The same of a call that must go well."""
    done = call(*arguments)
    assert done.exit_code == 0, done.output
    return done


def write_ring(folder, name, nodes, seed, width=3):
    """A ring with chords, features and classes of its nodes."""
    draws = np.random.default_rng(seed)
    edges = [(i, (i + 1) % nodes) for i in range(nodes)] + draws.integers(0, nodes, (nodes, 2)).tolist()
    (folder / f"{name}.csv").write_text("source,target\n" + "".join(f"n{a},n{b}\n" for a, b in edges))
    rows = ["node," + ",".join(f"f{i}" for i in range(width))]
    rows += [",".join([f"n{node}", *map("{:.3f}".format, draws.normal(size=width))]) for node in range(nodes)]
    (folder / f"{name}_x.csv").write_text("\n".join(rows) + "\n")
    (folder / f"{name}_y.csv").write_text("node,class\n" + "".join(f"n{i},{'ab'[i % 2]}\n" for i in range(nodes)))


def friends_and_shop(folder):
    """Friends and a shop, with embeddings of both."""
    small, walks = ["--dim", "4", "--epochs", "1", "--host", "pyg"], ["--walk-length", "6", "--window-size", "2"]
    (folder / "friends.csv").write_text("source,target\nDan,Ann\nAnn,Bob\nBob,Cleo\nCleo,Dan\nAnn,Cleo\n")
    (folder / "shop.csv").write_text("user,item\nAnn,tea\nAnn,jam\nBen,tea\nBen,milk\nCleo,jam\n")
    (folder / "turned.csv").write_text("tea,Cleo\n")
    good("train", "deepwalk", "-i", folder / "friends.csv", "-o", folder / "walks.npz", *small, *walks)
    good("train", "lightgcn", "-i", folder / "shop.csv", "-o", folder / "shop.npz", *small)
