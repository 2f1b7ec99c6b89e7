"""Runs one competitor of a case in a process of its own; see :func:`benchmarks.harness.spawn`, which starts it.

``graphembed_ext`` is imported from where PYTHONPATH says, ``benchmarks`` from this folder whatever PYTHONPATH says.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path


def main() -> None:
    folder = Path(__file__).resolve().parent
    # Started as a script, its folder comes first: benchmarks.data would hide any module that is named data.
    sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != folder]
    spec = importlib.util.spec_from_file_location(
        "benchmarks", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules["benchmarks"] = package
    spec.loader.exec_module(package)
    from benchmarks import harness

    print(json.dumps(harness.child(json.loads(sys.argv[1]))))


if __name__ == "__main__":
    main()
