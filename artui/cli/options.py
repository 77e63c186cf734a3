"""The options that several commands share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from artui.cli.exits import CommandError, Exit

Command = TypeVar("Command", bound=Callable[..., Any])
Option = Callable[[Any], Any]

MOST_PORT = 65_535

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
ACCOUNT = click.option("-a", "--account", help="The account that is meant.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would happen and what it costs; do nothing.")
YES = click.option("--yes", is_flag=True, help="Do it without asking. Never passes a cap.")
WAIT = click.option("--wait", is_flag=True, help="Follow the photos until each is saved, failed or held.")
WAIT_QA = click.option("--wait-qa", is_flag=True, help="Wait for checks by a person at the service too.")
STRICT = click.option("--strict", is_flag=True, help="Decode each photo first, to see whether it is whole.")
METADATA = click.option(
    "--metadata",
    type=click.Choice(["none", "keep-rights", "keep"]),
    help="What of the photos' metadata their results get; needs exiftool.",
)
SUSPECT = click.option("--suspect", is_flag=True, help="Send also photos that may not be whole.")

TWINS = click.option(
    "--twins", type=click.Choice(["once", "deliver", "refuse"]),
    help="What becomes of photos bought before: one copy for each, a copy every time, or none; without it as "
    "the account says, else once.",
)  # fmt: skip


class Duration(click.ParamType):  # type: ignore[type-arg]
    """A span of time in seconds: ``90s``, ``10m``, ``2h``, ``7d``; a bare number is seconds."""

    name = "TIME"
    UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds."""
        number = value[:-1] if value[-1:] in self.UNITS else value
        try:
            seconds = float(number) * self.UNITS.get(value[-1:], 1)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < float("inf"):
            self.fail(f"{value!r} is no span of time, as in 90s, 10m or 2h", param, ctx)
        return seconds


DURATION = Duration()


class Since(click.ParamType):  # type: ignore[type-arg]
    """A moment in the past: a day (``2026-11-01``), a time of ISO 8601, or how long ago (``7d``, ``12h``, ``30m``).

    What names no zone is in the zone of the settings, which is not known yet: it stays without one.
    """

    name = "WHEN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.datetime:
        """The moment, without a zone where none was named."""
        units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
        try:
            if value[:-1].isdecimal() and value[-1:] in units:
                return dt.datetime.now(dt.UTC) - dt.timedelta(**{units[value[-1]]: int(value[:-1])})
            moment = dt.datetime.fromisoformat(value)
            # So that it is in some year in any zone.
            return moment.replace(year=min(max(moment.year, dt.MINYEAR + 1), dt.MAXYEAR - 1))
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no day (2026-11-01), time, or span (7d, 12h, 30m)", param, ctx)


SINCE = click.option("--since", type=Since(), help="Leave out what is older: 2026-11-01, or 7d, 12h, 30m.")


def label_given(text: str) -> tuple[str, str]:
    """The name and the value of a ``--label``. Raises CommandError."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise CommandError(Exit.USAGE, f"--label {text!r} must have the form NAME=VALUE.")
    return name, value


def in_zone(moment: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """A moment as :class:`Since` reads it, in a zone where none was named."""
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


class HostPort(click.ParamType):  # type: ignore[type-arg]
    """An address of this machine to listen at, as ``127.0.0.1:8787`` or ``[::1]:8787``."""

    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address as it was given."""
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdecimal() or int(port) > MOST_PORT or len(port) > 5:
            self.fail(f"{value!r} is no HOST:PORT, as in 127.0.0.1:8787", param, ctx)
        return str(value)


HOST_PORT = HostPort()


def options(several: Sequence[Option]) -> Option:
    """Give a command several options, shown in this order."""

    def add(command: Command) -> Command:
        for option in reversed(several):
            command = option(command)
        return command

    return add
