"""Files that are whole or not there, and survive a loss of power."""

from __future__ import annotations

import os

import pytest

from graphembed_ext._core.files import whole


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux tells the file of a descriptor")
def test_a_file_is_on_the_disk_before_it_takes_the_name_and_the_name_is_then(tmp_path, monkeypatch):
    path, seen = tmp_path / "file.txt", []
    path.write_text("old")
    replace, sync = os.replace, os.fsync

    def synced(descriptor):
        seen.append((os.readlink(f"/proc/self/fd/{descriptor}"), path.read_text()))
        sync(descriptor)

    def replaced(source, target):
        seen.append(("replace", path.read_text()))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    whole(path, lambda part: part.write_text("new"))
    part = seen[0][0]
    assert part.startswith(str(path))
    assert part.endswith(".part")
    assert seen == [(part, "old"), ("replace", "old"), (str(tmp_path), "new")]
    assert [file.name for file in tmp_path.iterdir()] == ["file.txt"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write(part):
        part.write_text("ne")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        whole(path, write)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.txt"]
