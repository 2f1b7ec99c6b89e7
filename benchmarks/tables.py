"""Tables from the records, so that no figure stands in a page without its record: ``python -m benchmarks tables``.

A :class:`Grid` describes a table: its columns, and how a cell comes from a record for a row. Cells find their figures
by paths such as "seconds/PyG, {way}/0", filled in from the row; in a list, "engine=dgl,window=5" finds an entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .cells import Table
from .harness import RESULTS, ROOT


def fill(page: str, tables: Mapping[str, Table], folder: Path = RESULTS) -> str:
    """A page with each table between its markers made anew."""
    for name, table in tables.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if begin in page:
            body = "\n".join([begin, *table.lines(folder), end])
            page = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _, body=body: body, page, flags=re.S)
    return page


def main() -> None:
    """Write benchmarks/README.md, and the one table of README where its markers are."""
    from .figures import README_TABLES
    from .table_list import TABLES

    for path, tables in ((ROOT / "benchmarks" / "README.md", TABLES), (ROOT / "README.md", README_TABLES)):
        page = path.read_text(encoding="utf-8")
        path.write_text(fill(page, tables), encoding="utf-8")
