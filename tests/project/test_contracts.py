"""Every public model and layer has a case, which inherits the contract of its kind from tests/cases.py."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

import graphembed_ext as ge
from tests import cases, model_cases

TESTS = Path(__file__).parents[1]


def cases_of(kind, *folders):
    """The cases of a kind that the test modules of some folders have."""
    found = []
    for folder in folders:
        for path in sorted((TESTS / folder).glob("test_*.py")):
            module = importlib.import_module(f"tests.{folder}.{path.stem}")
            found += [
                value
                for name, value in vars(module).items()
                if name.startswith("Test") and issubclass(value, kind) and value.__module__ == module.__name__
            ]
    return found


def public_modules():
    """Modules of torch that ``ge``, ``ge.dgl`` and ``ge.pyg`` offer."""
    classes = {getattr(face, name) for face in (ge, ge.dgl, ge.pyg) for name in face.__all__}
    return {value for value in classes if isinstance(value, type) and issubclass(value, torch.nn.Module)}


def test_every_model_and_layer_has_a_case():
    tried = {model for case in cases_of(model_cases.ModelCase, "models") for model in case.models}
    tried |= {layer for case in cases_of(cases.LayerCase, "nn") for layer in case.layers}
    assert public_modules() <= tried


def test_every_model_by_name_has_a_case():
    named = {model for host in ("dgl", "pyg") for model in getattr(ge, host).models().values()}
    tried = {case.name: case.models for case in cases_of(model_cases.ModelCase, "models")}
    assert set(tried) - {None} == set(ge.available_models())
    assert named <= {model for case in cases_of(model_cases.ModelCase, "models") for model in case.models}


@pytest.mark.parametrize("case", cases_of(model_cases.ModelCase, "models"), ids=lambda case: case.__name__)
def test_no_case_drops_a_test_of_its_contract(case):
    for kind in case.__mro__[1:]:
        for name, value in vars(kind).items():
            if name.startswith("test_"):
                assert getattr(case, name) is value, name


def test_no_test_module_imports_from_another():
    for path in TESTS.rglob("test_*.py"):
        for line in path.read_text().splitlines():
            assert not (line.startswith(("from tests.", "import tests.")) and ".test_" in line), path
