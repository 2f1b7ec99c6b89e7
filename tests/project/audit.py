"""What the package and its development stand on: each package pinned, its licence known, and no known hole in it.

``make audit`` prints a line for each package that ``pyproject.toml`` asks for, and for what those ask for in turn, and
ends with 1 where one has no pin, another version than its pin, or no licence of those listed here. Where ``pip-audit``
is installed, it then looks the pins up in the databases of vulnerabilities; elsewhere a line says that it did not.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys

from packaging.requirements import Requirement

from .versions import ROOT, settings

CONSTRAINTS = ROOT / "constraints.txt"
#: Words of licences under which a package may be used and passed on beside ours.
PERMISSIVE = ("apache", "mit", "bsd", "isc", "psf", "python", "mpl", "unlicense", "zlib", "hpnd", "0bsd", "cc0", "zpl")
PERMISSIVE += ("public domain",)
#: Weak copyleft: used as they are, never copied into a wheel of ours.
USED_ALONE = {"gensim": "LGPL-2.1", "codespell": "GPL-2.0, a tool of development"}
#: Their metadata names none; their repositories do.
KNOWN = {"torch-scatter": "MIT", "torch-sparse": "MIT"}


def normalised(name):
    """A package's name as indexes spell it.

    Example:
        >>> normalised("Torch_Sparse.x")
        'torch-sparse-x'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def pins():
    """Pinned versions by package."""
    lines = [line.partition("#")[0].strip() for line in CONSTRAINTS.read_text().splitlines()]
    return {normalised(line.partition("==")[0]): line.partition("==")[2] for line in lines if "==" in line}


def licence(found):
    """The licence that a distribution states, in a few words."""
    meta = found.metadata
    trove = [line.rpartition(" :: ")[2] for line in meta.get_all("Classifier") or () if line.startswith("License ::")]
    trove = [line for line in trove if line != "OSI Approved"]  # says that there is one, not which
    stated = meta.get("License-Expression") or "; ".join(trove) or (meta.get("License") or "").split("\n")[0]
    return stated or KNOWN.get(normalised(meta["Name"]), "")


def asked_for():
    """Every requirement in pyproject.toml: of users, of the extras and of development."""
    found = settings()
    project, groups = found["project"], found["dependency-groups"].values()
    lists = [project["dependencies"], *project["optional-dependencies"].values(), *groups]
    return [line for each in lists for line in each if isinstance(line, str) and "graphembed_ext" not in line]


def needed():
    """Installed distributions that the project asks for, by name, and what they ask for in turn."""
    todo, found = [(line, "") for line in asked_for()], {}
    while todo:
        line, extra = todo.pop()
        wanted = Requirement(line)
        name = normalised(wanted.name)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        seen = found.setdefault(name, set())
        extras = {"", *wanted.extras} - seen
        seen |= extras
        try:
            asked = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed
        todo += [(other, extra) for other in asked for extra in extras]
    there = {normalised(each.metadata["Name"]): each for each in importlib.metadata.distributions()}
    return {name: there[name] for name in found if name in there}


def findings():
    """Name, version, licence, and what is wrong with each package; an empty string for nothing."""
    pinned, rows = pins(), []
    for name, found in needed().items():
        stated, wrong = licence(found), []
        if name not in pinned:
            wrong.append("no pin")
        elif pinned[name].partition("+")[0] != found.version.partition("+")[0]:
            wrong.append(f"pinned to {pinned[name]}")
        if name not in USED_ALONE and not any(word in stated.lower() for word in PERMISSIVE):
            wrong.append("a licence that is not listed" if stated else "no licence")
        rows.append((name, found.version, USED_ALONE.get(name, stated)[:40], ", ".join(wrong)))
    return sorted(rows)


def main():
    rows = findings()
    for name, version, stated, wrong in rows:
        print(f"{name:32} {version:16} {stated:40} {wrong}".rstrip())
    bad = [row for row in rows if row[3]]
    print(f"{len(rows)} packages, {len(bad)} with something wrong")
    if shutil.which("pip-audit"):
        done = subprocess.run(["pip-audit", "-r", str(CONSTRAINTS), "--no-deps", "--disable-pip"], check=False)
        return int(bool(bad) or done.returncode != 0)
    print("pip-audit is not installed: vulnerabilities were not looked up")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
