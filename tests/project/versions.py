"""Oldest, newest and fewest packages: an environment for each in a temporary folder, and a part of the suite in it.

``make versions`` makes the environments by uv, one after the other, writes ``versions.json`` beside this file, and
prints a table. ``oldest`` has the lowest version of every package that pyproject.toml names, ``newest`` the highest
one there is, ``bare`` nothing but what is required: no DGL, torch_sparse, scikit-learn, matplotlib or networkx. All
have one torch, as each release of it is a download of its own: name others with ``--torch``, other interpreters with
``--python``, environments with ``--only``. What cannot be had is said to be so.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("versions.json")
#: What stands in the table.
TOLD = (
    "torch_geometric",
    "numpy",
    "numba",
    "scipy",
    "pyarrow",
    "safetensors",
    "typer",
    "usearch",
    "dgl",
    "scikit-learn",
)
#: Tests that need neither the peers that are compiled against torch nor the data, three minutes of them.
TESTS = ("tests/properties/test_views.py", "tests/properties/test_walks.py", "tests/test_losses.py")
TESTS += ("tests/core/test_bits.py", "tests/core/test_rng.py", "tests/core/test_doors.py", "tests/core/test_vectors.py")
TESTS += ("tests/training/test_engines.py", "tests/embeddings/test_embeddings.py", "tests/project/test_smoke.py")
#: Packages of each environment beside the required ones, and which versions uv takes of those that are named.
ENVIRONMENTS = {
    "oldest": (("dgl", "eval", "index"), "lowest-direct"),
    "newest": (("dgl", "eval", "index"), "highest"),
    "bare": ((), "highest"),
}
_UV = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])) or "uv"
_TOOLS = ("pytest", "hypothesis")


def settings():
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def requirements(extras):
    """What pyproject.toml asks for beside torch, one a line."""
    project = settings()["project"]
    optional = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for extra in extras for line in optional[extra])]
    return [line for line in lines if not line.startswith("torch>")]


def made(folder, python, torch, extras, resolution):
    """An environment: the interpreter in it, and why there is none."""
    subprocess.run([_UV, "venv", "--quiet", "--python", python, folder], check=True)
    inside = str(Path(folder) / "bin" / "python")
    install = [_UV, "pip", "install", "--quiet", "--python", inside]
    for wanted in (["--resolution", resolution, f"torch=={torch}", *requirements(extras)], _TOOLS):
        done = subprocess.run([*install, *wanted], capture_output=True, text=True, check=False)
        if done.returncode:
            return inside, " ".join(done.stderr.split())[-600:]
    return inside, ""


def versions(python):
    """Versions of what is installed there."""
    code = (
        "import importlib.metadata as m, json, platform; "
        "found = {d.metadata['Name']: d.version for d in m.distributions()}; "
        "print(json.dumps({'python': platform.python_version(), **dict(sorted(found.items()))}))"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def tried(name, python, torch):
    """What became of an environment."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        inside, error = made(folder, python, torch, *ENVIRONMENTS[name])
        if error:
            return {"name": name, "torch": torch, "outcome": "not to be had", "detail": error}
        environment = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", *TESTS]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        return {
            "name": name,
            "torch": torch,
            "outcome": "passed" if done.returncode == 0 else "failed",
            "tests": (done.stdout.strip().splitlines() or [done.stderr[-600:]])[-1].strip("= "),
            "failed": re.findall(r"^(?:FAILED|ERROR) (.{0,200})", done.stdout, re.MULTILINE),
            "seconds": round(time.monotonic() - began),
            "versions": versions(inside),
        }


def table(records):
    """A line for each environment, in Markdown."""
    lines = ["| environment | outcome | Python | torch | " + " | ".join(TOLD) + " |", "|---" * (4 + len(TOLD)) + "|"]
    for record in records:
        found = {re.sub(r"[-_.]+", "-", key).lower(): value for key, value in record.get("versions", {}).items()}
        cells = [found.get(name.replace("_", "-"), "-") for name in ("python", "torch", *TOLD)]
        lines.append("| " + " | ".join([record["name"], record.get("tests", record["outcome"]), *cells]) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", nargs="*", default=["2.13.0"], help="its versions, each in all environments")
    parser.add_argument("--python", nargs="*", default=[sys.executable], help="interpreters, each with all of them")
    parser.add_argument("--only", nargs="*", default=list(ENVIRONMENTS), choices=list(ENVIRONMENTS))
    parser.add_argument("--record", type=Path, default=RECORD)
    options = parser.parse_args()
    records = []
    for python, torch, name in itertools.product(options.python, options.torch, options.only):
        records.append(tried(name, python, torch))
        print(json.dumps(records[-1]), flush=True)
        options.record.write_text(json.dumps(records, indent=1) + "\n")
    print(table(records))
    return int(any(record["outcome"] != "passed" for record in records))


if __name__ == "__main__":
    sys.exit(main())
