"""What pytest must know before it imports a module of the package."""

from __future__ import annotations

import importlib.util
import os

import torch

#: Modules of kernels in Triton, which comes with torch for CUDA; the extra ``test`` has it where there is no GPU, too.
if importlib.util.find_spec("triton") is None:
    collect_ignore_glob = [
        "graphembed_ext/*/gpu*.py",
        "graphembed_ext/*/*/gpu_*.py",
        "graphembed_ext/_core/gpu_bits.py",
    ]
if not torch.cuda.is_available():
    # Triton asks when it is imported and where a kernel is defined: it interprets them then.
    os.environ.setdefault("TRITON_INTERPRET", "1")
