"""Bad values: what a user may hand over by mistake, made anew for every case."""

from __future__ import annotations

import decimal
import fractions
import math
from pathlib import Path

import numpy as np
import torch

import graphembed_ext as ge

long = torch.int64


def _ids(*numbers):
    return torch.tensor(numbers, dtype=long)


#: By name, a function that makes the value.
VALUES = {
    # nothing, and what is no number
    "None": lambda: None,
    "True": lambda: True,
    "empty string": lambda: "",
    "a string": lambda: "x",
    "string with a NUL": lambda: "a\0b",
    "long string": lambda: "n" * 5000,
    "bytes": lambda: b"x",
    "path to nowhere": lambda: Path("/nonexistent/folder/file.pt"),
    "an object": object,
    "a class": lambda: ge.Embeddings,
    "a function": lambda: lambda *args, **kwargs: None,
    "a generator": lambda: (number for number in (0, 1)),
    "a module of torch": lambda: torch.nn.Linear(2, 2),
    # numbers
    "0": lambda: 0,
    "-1": lambda: -1,
    "2**31": lambda: 2**31,
    "10**15": lambda: 10**15,
    "2**63 - 1": lambda: 2**63 - 1,
    "2**63": lambda: 2**63,
    "-2**63": lambda: -(2**63),
    "10**30": lambda: 10**30,
    "0.5": lambda: 0.5,
    "-0.5": lambda: -0.5,
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "-inf": lambda: -math.inf,
    "5e-324": lambda: 5e-324,
    "1e308": lambda: 1e308,
    "1j": lambda: 1j,
    "np.int64": lambda: np.int64(3),
    "np.float32 nan": lambda: np.float32("nan"),
    "Fraction": lambda: fractions.Fraction(1, 3),
    "Decimal nan": lambda: decimal.Decimal("nan"),
    # containers
    "[]": list,
    "()": lambda: (),
    "{}": dict,
    "[0, 1]": lambda: [0, 1],
    "(0, 1)": lambda: (0, 1),
    "[[0, 1], [1, 0]]": lambda: [[0, 1], [1, 0]],
    "ragged list": lambda: [[0, 1], [1]],
    "list of strings": lambda: ["a", "b"],
    "list of None": lambda: [None, None],
    "list of -1": lambda: [-1, 0],
    "list of 2**31": lambda: [2**31, 0],
    "list of 10**30": lambda: [10**30],
    "list of floats": lambda: [0.5, math.nan],
    "dict of str": lambda: {"a": 1},
    "dict of int": lambda: {1: 2},
    "dict of None": lambda: {"user": None, "item": None, "_N": None},
    "set": lambda: {0, 1},
    "range": lambda: range(3),
    # arrays
    "np ids": lambda: np.array([0, 1]),
    "np edges": lambda: np.array([[0, 1], [1, 0]]),
    "np floats": lambda: np.ones((10, 4)),
    "np NaN": lambda: np.full((10, 4), np.nan),
    "np objects": lambda: np.array([object(), None], dtype=object),
    "np strings": lambda: np.array(["a", "b"]),
    "np 0-d": lambda: np.array(3),
    # tensors
    "empty": lambda: torch.empty(0),
    "empty ids": lambda: torch.empty(0, dtype=long),
    "empty (2, 0)": lambda: torch.empty(2, 0, dtype=long),
    "empty (0, 4)": lambda: torch.empty(0, 4),
    "0-d": lambda: torch.tensor(0),
    "ids": lambda: _ids(0, 1),
    "negative ids": lambda: _ids(-1, 0),
    "ids of 2**31": lambda: _ids(2**31, 0),
    "ids of 10**15": lambda: _ids(0, 10**15),
    "ids of 2**63 - 1": lambda: _ids(2**63 - 1),
    "edges of 10**15": lambda: torch.tensor([[0, 10**15], [1, 0]]),
    "edges of -1": lambda: torch.tensor([[0, -1], [1, 0]]),
    "float ids": lambda: torch.tensor([0.0, 1.5]),
    "NaN ids": lambda: torch.tensor([math.nan, 0.0]),
    "float edges": lambda: torch.tensor([[0.0, 1.0], [1.0, 0.0]]),
    "bool tensor": lambda: torch.tensor([True, False]),
    "complex": lambda: torch.ones(10, 4, dtype=torch.complex64),
    "meta": lambda: torch.empty(10, 4, device="meta"),
    "meta edges": lambda: torch.empty(2, 3, dtype=long, device="meta"),
    "half": lambda: torch.ones(10, 4, dtype=torch.float16),
    "bfloat16": lambda: torch.ones(10, 4, dtype=torch.bfloat16),
    "float64": lambda: torch.ones(10, 4, dtype=torch.float64),
    "integers (10, 4)": lambda: torch.ones(10, 4, dtype=long),
    "uint64": lambda: torch.ones(2, 2, dtype=torch.uint64),
    "NaN": lambda: torch.full((10, 4), math.nan),
    "inf (10, 4)": lambda: torch.full((10, 4), math.inf),
    "shape (2, 3, 4)": lambda: torch.ones(2, 3, 4),
    "shape (3, 2) ids": lambda: torch.ones(3, 2, dtype=long),
    "shape (4, 10)": lambda: torch.ones(4, 10),
    "sparse COO": lambda: torch.eye(10).to_sparse(),
    "sparse CSR": lambda: torch.eye(10).to_sparse_csr(),
    "needs gradients": lambda: torch.ones(10, 4, requires_grad=True),
}
