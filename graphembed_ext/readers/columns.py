"""What the columns of an edge list are."""

from __future__ import annotations

#: Titles of columns with the type of the first node, of the second node, and of the relation between them.
_TYPE_TITLES = (
    ("source_type", "src_type", "from_type", "head_type", "u_type"),
    ("target_type", "dst_type", "dest_type", "to_type", "tail_type", "v_type"),
    ("relation", "edge_type", "type", "rel", "predicate"),
)


_WEIGHT_TITLES = ("weight", "weights", "edge_weight", "w")


def _weight_position(titles: list[str], third_is_numeric: bool) -> int | None:
    for position, title in enumerate(titles):
        if position > 1 and title.lower() in _WEIGHT_TITLES:
            return position
    return 2 if third_is_numeric else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _type_positions(titles: list[str]) -> list[int | None]:
    """Columns of source type, target type and relation (which may be absent); empty without both node types."""
    low = [title.lower() for title in titles]
    found = [next((low.index(title) for title in kind if title in low[2:]), None) for kind in _TYPE_TITLES]
    return [] if None in found[:2] else found
