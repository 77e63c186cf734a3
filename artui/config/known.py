"""Which settings there are, and what each may hold."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

Reader = Callable[[object], object]
"""Takes a value as written and returns it as used; raises ValueError with what it must be."""


@dataclass(frozen=True, slots=True)
class Number:
    """Reads a number between two ends."""

    low: float
    high: float
    whole: bool = True

    def __call__(self, value: object) -> object:
        """Read a number."""
        kinds = int if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not self.low <= value <= self.high:
            raise ValueError(f"must be a {'whole ' if self.whole else ''}number from {self.low} to {self.high:,}")
        return value

    def from_text(self, text: str) -> object:
        """What a variable holds, as a number; what is none is left for the reader to refuse."""
        for kind in (int, float):
            with suppress(ValueError):
                return kind(text)
        return text


def text(value: object) -> str:
    """Read text."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError('must be text, like "this"')
    return value


def texts(value: object) -> tuple[str, ...]:
    """Read a list of texts."""
    if not isinstance(value, list):
        raise ValueError('must be a list of texts, like ["this", "that"]')  # noqa: TRY004 — as every reader does
    return tuple(text(item) for item in value)


def flag(value: object) -> bool:
    """Read a yes or no."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 — as every reader does
    return value


@dataclass(frozen=True, slots=True)
class OneOf:
    """Reads one of some words."""

    words: tuple[str, ...]

    def __call__(self, value: object) -> object:
        """Read one of them."""
        if value not in self.words:
            raise ValueError(f"must be one of {', '.join(self.words)}{nearest(str(value), self.words)}")
        return value


def choice(words: Iterable[str]) -> OneOf:
    """Make a reader of one of some words."""
    return OneOf(tuple(words))


def zone(value: object) -> ZoneInfo:
    """Read the name of a time zone."""
    name = text(value)
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        zones = available_timezones()
    if not zones:
        raise ValueError("cannot be looked up, for this machine knows no time zones: install tzdata")
    raise ValueError(f"must be a time zone like Europe/Berlin{nearest(name, zones)}")


def path(value: object) -> Path:
    """Read the path of a file."""
    return Path(text(value)).expanduser()


def template(value: object) -> str:
    """Read a folder that may hold ``{…}``: it stays text, only ``~`` is resolved."""
    return os.path.expanduser(text(value))  # noqa: PTH111  Path would tidy the template


def sku_pattern(value: object) -> str:
    """Read a pattern that takes the SKU out of a file's name."""
    from artui.config.sku_patterns import compiled

    return compiled(text(value)).pattern


DELIVERED = ("result", "results", "photo", "sku", "label:NAME", "rule", "account", "workflow", "batch", "job")
"""What may stand in braces in a command that is run once a photo is saved."""


def delivery(value: object) -> tuple[str, ...]:
    """Read a command with its arguments, each of which may hold some of ``DELIVERED``; an empty one is none."""
    if not (command := texts(value)):
        return ()
    program = os.path.expanduser(command[0])  # noqa: PTH111 — a name stays a name
    if "{" in program or ("/" in program and not program.startswith("/")):
        raise ValueError("must begin with a program, by its name or its whole path")
    for argument in command:
        for name, what in placeholders(argument):
            known = what if name == "label" else not what and name in DELIVERED
            if not known:
                raise ValueError(
                    f"holds an unknown {{{name}}}; known are {', '.join(f'{{{one}}}' for one in DELIVERED)}"
                )
            if name == "results" and argument != "{results}":
                raise ValueError("must have {results} as an argument of its own: it becomes one for each result")
    return (program, *command[1:])


def hours(value: object) -> str:
    """Read hours; they stay text."""
    written = text(value)
    from artui.config.hours import read  # only where any are set

    read(written)
    return written


def bandwidth(value: object) -> tuple[str, ...]:
    """Read a rate, or several with hours; they stay text."""
    if not isinstance(value, (str, list)):
        raise ValueError('must be text or a list of texts, like "20 MB/s"')  # noqa: TRY004 — as every reader does
    written = (value,) if isinstance(value, str) else texts(value)
    from artui.config.bandwidth import read  # only where any is set

    read(written)
    return written


def placeholders(template: str) -> list[tuple[str, str]]:
    """What stands in braces in a template: each name, and what follows it after a colon. Raises ValueError."""
    from string import Formatter  # only where any template is set

    try:
        pieces = list(Formatter().parse(template))
    except ValueError as fault:
        raise ValueError(f"cannot be read ({fault}): write {{{{ for a brace") from None
    if any(conversion for *_, conversion in pieces):
        raise ValueError("holds a ! in braces, which means nothing here")
    return [(name, what or "") for _, name, what, _ in pieces if name is not None]


def file_mode(value: object) -> str:
    """Read the mode of files, as chmod has it: octal digits."""
    if not isinstance(value, str) or not re.fullmatch(r"0?[4-7][0-7]{2}", value):
        raise ValueError('must be the octal digits of a mode in which the owner may read, like "0664"')
    return value


def proxy(value: object) -> str | None:
    """Read the address of a proxy; empty is none. A refusal never repeats it: it may hold a password."""
    if value == "":
        return None
    address = text(value)
    if "://" not in address:
        return f"http://{address}"
    if not address.startswith(("http://", "https://")):
        raise ValueError('must start with http:// or https://, or be "" for none')
    return address


def web_address(value: object) -> str:
    """Read the address of a page."""
    address = text(value)
    if not address.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return address


def provider(value: object) -> object:
    """Read the name of a provider."""
    return choice(provider_names())(value)


def provider_names() -> tuple[str, ...]:
    """The providers there are: each is a folder of the services. Importing it would load its HTTP client."""
    from pkgutil import iter_modules

    return tuple(sorted(module.name for module in iter_modules(SERVICES) if module.ispkg))


SERVICES = (str(Path(__file__).parent.parent / "providers" / "services"),)
"""Where the services lie."""


def account_name(value: object) -> object:
    """Read the name of an account."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", value):
        raise ValueError("must be 1 to 32 small letters, digits, - or _, starting with a letter or digit")
    return value


def nearest(word: str, known: Iterable[str]) -> str:
    """A question that names the nearest known word, for the end of a message; empty where none is near."""
    close = closest(word, known)
    return f"; did you mean {close}?" if close else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The nearest known word, None where none is near."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.5)), None)


_CAP = Number(0, 1_000_000_000)

NOTICES = ("off", "bell", "desktop")
"""How the console tells a person who looks elsewhere."""

TOP: Mapping[str, Reader] = {
    "timezone": zone,
    "account": account_name,
    "images": choice(["blocks", "auto", "off"]),
    "glyphs": choice(["auto", "unicode", "ascii"]),
    "theme": choice(["auto", "dark", "light", "high-contrast", "terminal"]),
    "notice": choice(NOTICES),
    "proxy": proxy,
    "ca_file": path,
    "idle_minutes": Number(0, 10_080, whole=False),
    "ignore": texts,
    "log": choice(["text", "json"]),
}
"""What may stand at the top, before the first table."""

_METADATA = choice(["none", "keep-rights", "keep"])
_TWINS = choice(["once", "deliver", "refuse"])
DELIVER = choice(["saved", "kept"])
"""Reads when a result is delivered: as soon as it is saved, or once a person keeps it."""

ACCOUNT: Mapping[str, Reader] = {
    "provider": provider,
    "login": account_name,
    "production": flag,
    "workflow": text,
    "output": template,
    "strict": flag,
    "twins": _TWINS,
    "ratings": flag,
    "metadata": _METADATA,
    "mode": file_mode,
    "group": text,
    "low": _CAP,
    "sku_pattern": sku_pattern,
    "after_saved": delivery,
    "deliver": DELIVER,
    "hours": hours,
    "bandwidth": bandwidth,
}
"""What every account may hold; its other keys are for its provider to check."""

GROUPS: Mapping[str, Mapping[str, Reader]] = {
    "caps": {"run": _CAP, "day": _CAP, "month": _CAP},
    "pace": {
        "uploads": Number(1, 64),
        "downloads": Number(1, 64),
        "calls": Number(1, 64),
        "in_flight": Number(1, 10_000),
    },
}
"""The tables inside every account's table; a rule has caps too."""

RULE: Mapping[str, Reader] = {
    "name": text,
    "folder": template,
    "recursive": flag,
    "account": account_name,
    "workflow": text,
    "workflows": texts,
    "output": template,
    "template": text,
    "include": texts,
    "exclude": texts,
    "ignore": texts,
    "after_rule": text,
    "sku": text,
    "sku_pattern": sku_pattern,
    "sample": Number(1, 1_000_000),
    "rejected": template,
    "after": choice(["keep", "move"]),
    "existing": choice(["process", "ignore"]),
    "twins": _TWINS,
    "quiet": Number(0.1, 3600, whole=False),
    "strict": flag,
    "archives": flag,
    "metadata": _METADATA,
    "mode": file_mode,
    "group": text,
    "after_saved": delivery,
    "deliver": DELIVER,
    "hours": hours,
    "patience": Number(0.1, 7 * 86400, whole=False),
}
"""What a watched folder's rule may hold, beside its caps."""

DAILY = re.compile(r"daily ([01]\d|2[0-3]):([0-5]\d)")
TOPICS = ("needs you", "trouble", "money", "done", "daily 18:00")
"""What people can be told of; the last at any hour."""


def topics(value: object) -> tuple[str, ...]:
    """Read a list of what people are told of."""
    for word in (found := texts(value)):
        if word not in TOPICS and not DAILY.fullmatch(word):
            raise ValueError(f"must list some of {', '.join(TOPICS)}{nearest(word, TOPICS)}")
    return found


NOTIFY: Mapping[str, Reader] = {
    "on": topics,
    "command": texts,
    "url": text,
}
"""What a ``[[notify]]`` table may hold: who is told of what, by a command or at an address."""

HEARTBEAT: Mapping[str, Reader] = {
    "url": web_address,
    "every": Number(10, 86_400, whole=False),
}
"""What ``[heartbeat]`` may hold."""


def reasons(value: object) -> tuple[str, ...]:
    """Read why results may be rejected; each has a digit."""
    if not 1 <= len(found := texts(value)) <= MOST_REASONS:
        raise ValueError(f"must list 1 to {MOST_REASONS} reasons, each with a digit of its own")
    return found


MOST_REASONS = 9

REVIEW: Mapping[str, Reader] = {
    "reviewer": text,
    "reasons": reasons,
}
"""What ``[review]`` may hold."""

SERVICE: Mapping[str, Reader] = {
    "hours": hours,
}
"""What ``[services.NAME]`` may hold: what holds for each of a service's accounts that says nothing else."""

TABLES: Mapping[str, Mapping[str, Reader]] = {"heartbeat": HEARTBEAT, "review": REVIEW}
"""The tables that stand once, at the top, beside the accounts."""

SECRETS = frozenset(
    {"token", "refresh_token", "access_token", "api_token", "secret", "app_secret", "client_secret", "password"}
)
"""Keys of an account that belong with its credentials, and are refused wherever settings stand."""
