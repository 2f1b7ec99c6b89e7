"""Training in one call: :func:`fit`, and a module for each task that models are trained on."""

from .fitting import fit, options_of
from .growing import grow
from .result import FitResult, TrainingError

__all__ = ["FitResult", "TrainingError", "fit", "grow", "options_of"]
