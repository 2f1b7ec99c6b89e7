"""Small tables for notebooks, in plain HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

__all__ = ["size_of", "table"]


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A titled table; everything in it is escaped.

    Example:
        >>> table("a < b", ["n"], [[1234]]).partition("<tbody>")[2]
        '<tr><td>1,234</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<strong>{escape(title)}</strong><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def size_of(count: int) -> str:
    """A number of bytes for people.

    Example:
        >>> size_of(1536), size_of(3 << 30)
        ('1.5 KiB', '3.0 GiB')
    """
    step = min(max(count, 1).bit_length() - 1, 49) // 10
    unit = ("B", "KiB", "MiB", "GiB", "TiB")[step]
    return f"{count} {unit}" if step == 0 else f"{count / 1024**step:.1f} {unit}"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return escape(f"{value:.4g}" if isinstance(value, float) else str(value))
