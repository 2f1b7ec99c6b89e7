"""Messages of errors: a line, whatever stands in the files and arguments that they are about."""

from __future__ import annotations

import pickle

import pytest

from graphembed_ext.errors import FileFormatError, FileInUseError, FileWriteError, InputError, MetapathError

HOSTILE = ["two\nlines", "\x1b[31mred\x1b[0m", "\0" * 5000, "\udc80", "\u202eturned", "n" * 10_000, "\r", "\u2028"]
ERRORS = {
    "InputError": lambda text: InputError(text, text, text, text),
    "FileFormatError": lambda text: FileFormatError(text, text, text),
    "FileWriteError": lambda text: FileWriteError(text, text),
    "FileInUseError": lambda text: FileInUseError(text, text),
    "MetapathError": lambda text: MetapathError(text, text, text),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text[:10]) for text in HOSTILE])
def test_a_message_is_a_line_that_can_be_printed(name, text):
    error = ERRORS[name](text)
    for shown in (str(error), str(pickle.loads(pickle.dumps(error)))):
        assert shown.isprintable()
        assert len(shown) < 4000
        assert shown == str(error)


def test_what_can_be_read_is_shown_as_it_is():
    assert str(InputError("größe", "Ångström, 大", "eine Zahl")) == "größe: got Ångström, 大; expected eine Zahl."
    assert "got 'a\\nb'; expected" in str(InputError("name", repr("a\nb"), "a name"))
