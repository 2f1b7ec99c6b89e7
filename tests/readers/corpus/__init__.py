"""Files as people have them: what they hold by a careful reading, written down by hand and not by any reader."""

from . import arrays, knowledge, networks, people, recommenders, siblings, stores, tables, texts
from .case import Answer, Case

CASES: list[Case] = [
    *tables.CASES,
    *texts.CASES,
    *recommenders.CASES,
    *knowledge.CASES,
    *networks.CASES,
    *arrays.CASES,
    *siblings.CASES,
    *stores.CASES,
    *people.CASES,
]

__all__ = ["CASES", "Answer", "Case"]
