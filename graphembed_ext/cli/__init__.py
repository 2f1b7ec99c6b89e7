"""The command line, ``graphembed``."""

from .entry import app, main

__all__ = ["app", "main"]
