import json
import re
import subprocess
import sys

import pytest
import torch
from typer.testing import CliRunner

from graphembed_ext._core.optional import EXTRAS, import_dgl, installed
from graphembed_ext.cli import doctor
from graphembed_ext.cli.entry import app
from graphembed_ext.hosts import dgl_import as _dgl_import
from tests.conftest import ROOT

RUN = "import sys; sys.modules.update(dict.fromkeys({blocked})); from graphembed_ext.cli import main; main()"


def python(blocked, *arguments):
    words = [sys.executable, "-c", RUN.format(blocked=blocked), *arguments]
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)


def test_the_state_of_this_environment():
    found = doctor.diagnose()
    assert found.ok
    assert found.hosts["pyg"] is None
    assert found.versions["torch"] == torch.__version__
    assert found.threads == torch.get_num_threads()
    assert found.cuda == torch.cuda.is_available()
    absent = {entry["package"] for entry in found.missing}
    assert absent == {name for name, version in found.versions.items() if version is None}


@pytest.mark.skipif(not installed("dgl"), reason="DGL is not installed: pip install 'graphembed_ext[dgl]'")
def test_the_state_of_graphbolt():
    import_dgl()
    found = doctor.diagnose()
    assert found.hosts["dgl"] is None
    assert found.walk_engine == "dgl"
    if _dgl_import.placeholder() is None:
        assert (found.graphbolt, found.graphbolt_reason) == ("native", "")
    else:
        assert found.graphbolt == "placeholder"
        assert found.graphbolt_reason == "ModuleNotFoundError: No module named 'torchdata.datapipes'"


def test_text_and_json_say_the_same():
    found = doctor.diagnose()
    text = CliRunner().invoke(app, ["doctor"])
    data = CliRunner().invoke(app, ["doctor", "--json"])
    assert (text.exit_code, data.exit_code) == (0, 0)
    parsed = json.loads(data.stdout)
    assert parsed["versions"] == found.versions
    assert parsed["ok"] is True
    for version in filter(None, found.versions.values()):
        assert version in text.stdout


def test_every_extra_is_named_where_its_package_is_missing():
    tomllib = pytest.importorskip("tomllib")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    imported_as = {"scikit-learn": "sklearn", "umap-learn": "umap", "mlflow-skinny": "mlflow"}
    for extra in extras.keys() - {"all", "dgl"}:  # what DGL does not declare is no extra's own
        for needed in extras[extra]:
            package = re.match(r"[\w-]+", needed)[0]
            assert EXTRAS.get(imported_as.get(package, package.replace("-", "_"))) == extra, package


def test_without_dgl():
    done = python(["dgl", "matplotlib", "torch_sparse"], "doctor", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["versions"]["dgl"] is None
    assert "pip install 'graphembed_ext[dgl]'" in found["hosts"]["dgl"]
    assert found["hosts"]["pyg"] is None
    assert (found["graphbolt"], found["walk_engine"]) == ("absent", "torch")
    install = {entry["package"]: entry["install"] for entry in found["missing"]}
    assert install["dgl"] == "pip install 'graphembed_ext[dgl]'"
    assert install["matplotlib"] == "pip install 'graphembed_ext[eval]'"
    assert install["torch_sparse"] == "pip install --no-build-isolation 'graphembed_ext[sparse]'"
    text = python(["dgl"], "doctor")
    assert text.returncode == 0
    assert "graphembed_ext[dgl]" in text.stdout


def test_without_any_host_it_fails():
    done = python(["dgl", "torch_geometric"], "doctor")
    assert done.returncode == 1
    assert "neither DGL nor PyG works here" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_hook_is_written_and_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setattr("site.ENABLE_USER_SITE", False)
    monkeypatch.setattr(doctor, "_trouble_with", lambda host: None)
    for word, told, state in (("--hook", "wrote", "works, by"), ("--no-hook", "removed", "")):
        done = CliRunner().invoke(app, ["doctor", word, "--json"])
        assert done.exit_code == 0, done.output
        assert f"{told} {tmp_path / '_graphembed_ext_hook.pth'}" in done.stderr
        if installed("dgl"):
            assert json.loads(done.stdout)["import_dgl_first"].startswith(state)
    assert not list(tmp_path.iterdir())
