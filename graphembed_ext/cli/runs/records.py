"""What a run writes beside its output, and the settings it can be repeated from."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..._core.files import whole
from ...errors import FileFormatError

__all__ = ["read_record", "read_settings", "record_path", "write_record"]


def record_path(output: Path) -> Path:
    """File of the record of a run: the output's name and ``.json``."""
    return output.with_name(output.name + ".json")


def write_record(output: Path, record: Mapping[str, Any]) -> None:
    """Write the record of a run beside its output."""
    text = json.dumps(record, indent=2, default=str) + "\n"
    whole(record_path(output), lambda path: path.write_text(text))


def read_record(output: Path) -> dict[str, Any]:
    """The record beside an output.

    Raises:
        FileFormatError: There is none, or it is damaged.
    """
    path = record_path(output)
    if not path.exists():
        raise FileFormatError(
            "record", f"{path}, which does not exist", "the record that graphembed train writes beside its output"
        )
    found = _parsed(path)
    if "job" not in found:
        raise FileFormatError("record", str(path), "the record of a run, as graphembed train writes it")
    return found


def read_settings(path: Path) -> dict[str, Any]:
    """Settings of a run from a YAML, TOML or JSON file, by the names of the options; or from the record of a run.

    Raises:
        FileFormatError: Not such a file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "run.toml"
        >>> _ = path.write_text('model = "deepwalk"\\nemb-dim = 64\\n')
        >>> read_settings(path)
        {'model': 'deepwalk', 'emb_dim': 64}
    """
    if not path.is_file():
        raise FileFormatError("config", str(path), "an existing .yaml, .toml or .json file")
    found = _parsed(path)
    found = found.get("job", found) if path.suffix == ".json" else found
    return {str(name).replace("-", "_"): value for name, value in found.items()}


def _parsed(path: Path) -> dict[str, Any]:
    kind = path.suffix.lower()
    try:
        text = path.read_text()
        if kind == ".json":
            found = json.loads(text)
        elif kind in (".yaml", ".yml"):
            import yaml

            found = yaml.safe_load(text)
        elif kind == ".toml":
            found = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli").loads(text)
        else:
            raise FileFormatError("config", str(path), "a name ending in .yaml, .toml or .json")
    except FileFormatError:
        raise
    except Exception as error:  # each parser has its own; YAML's derive from Exception alone
        reason = " ".join(str(error).split())
        raise FileFormatError("config", f"{path} ({reason})", f"a {kind} file") from error
    if not isinstance(found, dict):
        raise FileFormatError("config", f"{path}, which holds a {type(found).__name__}", "names with values")
    return found
