"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real graphs: GRAPHEMBED_DATA, or the one beside the project."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("GRAPHEMBED_DATA", default))
    if not root.is_dir():
        pytest.skip(f"no real data at {root}; GRAPHEMBED_DATA names their folder")
    return root
