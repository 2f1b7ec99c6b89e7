"""The device that a test runs on."""

from __future__ import annotations

import pytest
import torch

from graphembed_ext.training import placing
from tests.devices.elsewhere import elsewhere


@pytest.fixture(params=["make-believe", "gpu"])
def device(request, monkeypatch):
    """Another device than the CPU, as torch names it."""
    if request.param == "gpu":
        if not torch.cuda.is_available():
            pytest.skip("no GPU here; the make-believe device takes its place")
        yield torch.device("cuda", 0)
        return
    if torch.cuda.is_available():
        pytest.skip("a GPU is here, which the make-believe device would stand in for")
    with elsewhere() as place:
        monkeypatch.setattr(placing, "devices", lambda: ["cpu", str(place)])
        yield place
