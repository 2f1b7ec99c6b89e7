"""What several test modules share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder with the real graphs; tests that ask for it are skipped where it is absent."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    root = Path(os.environ.get("GRAPHEMBED_DATA", default)).resolve()
    if not root.is_dir():
        pytest.skip(f"the folder with real graphs is absent: {root}; GRAPHEMBED_DATA names another")
    return root
