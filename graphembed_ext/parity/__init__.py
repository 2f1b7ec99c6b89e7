"""Proof that two host graphs give the same answer: :func:`report` compares them stage by stage."""

from .comparison import report
from .table import ParityReport, Row

__all__ = ["ParityReport", "Row", "report"]
