"""Help in two columns, grouped by panel: what a terminal of 80 columns has room for."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from .typed import note

__all__ = ["Grouped"]

#: Columns for the names of options; longer ones have a line of their own.
_NAMES = 26
#: Options that all commands have.
_COMMON = ("--json", "--debug", "--help")


class Grouped(TyperCommand):
    """A command whose help names each option once, with its default, and whose errors name it, too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of a call, which messages name again."""
        note(self.params, args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write usage, description, arguments, then the options group by group."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            argument = parameter.param_type_name == "argument"
            panel = "Arguments" if argument else getattr(parameter, "rich_help_panel", None) or "Options"
            name, text = record
            groups.setdefault(panel, []).append(
                (name.strip(), text.replace("[default: (", "[default: ").replace(")]", "]"))
            )
        for panel in sorted(groups, key=lambda name: self._place(name, len(groups.get("Options", ())))):
            with formatter.section(panel):
                formatter.write_dl(groups[panel], col_max=_NAMES)
        self.format_epilog(ctx, formatter)

    @staticmethod
    def _place(panel: str, own: int) -> int:
        """Options of a command's own come before those of reading, those that all commands have at the end."""
        order = ["Arguments", "Search", "Graph", "Model", "Training", "Result", "Options"]
        if own > len(_COMMON):
            order.insert(1, order.pop())
        return order.index(panel) if panel in order else len(order)
