"""The command line, called as a shell calls it."""

from __future__ import annotations

from typer.testing import CliRunner

from graphembed_ext.cli.entry import app

__all__ = ["call", "good"]


def call(*arguments, **options):
    """What ``graphembed ARGUMENTS`` did; options are those of ``CliRunner.invoke``, such as ``env``."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **options)


def good(*arguments):
    """The same of a call that must go well."""
    done = call(*arguments)
    assert done.exit_code == 0, done.output
    return done
