"""What every setting means, with its default and an example: the source of ``docs/configuration.md`` and of what
``config.example.toml`` says holds anyway. Loaded by no command but ``artui help``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from artui.config.known import provider_names


class Described(NamedTuple):
    """One setting: what holds where it is not set, an example as TOML has it, and what it means."""

    default: str
    example: str
    meaning: str


_METADATA = 'What of a photo\'s metadata its result gets: `"none"`, `"keep-rights"` (copyright, creator, credit, terms)'
_TWINS = (
    "What becomes of a photo that was bought before, or whose picture was: a copy for each, one every time, or none"
)
_MODE = "The mode of results in octal digits, whatever the umask"

TOP: Mapping[str, Described] = {
    "timezone": Described(
        "this machine's", '"Europe/Berlin"', "The zone in which days turn for caps, and of all times."
    ),
    "account": Described(
        "the only one, if there is one",
        '"studio"',
        "The account that is meant where a command names none. `pause`, `resume` and `audit` mean all then.",
    ),
    "images": Described(
        '"blocks"',
        '"auto"',
        "Pictures in the terminal: blocks work everywhere, auto uses Kitty or Sixel graphics; off spares a slow line"
        " the chart in the header too.",
    ),
    "glyphs": Described('"auto"', '"ascii"', "Signs on the screens; auto asks the terminal."),
    "theme": Described('"auto"', '"light"', "Colours of the console; auto asks the terminal for its ground."),
    "notice": Described(
        '"off"',
        '"desktop"',
        "How the console tells that a batch has ended or a person is needed: the terminal's bell, or a notice by OSC 9"
        " or 777 (in tmux with `allow-passthrough on`).",
    ),
    "proxy": Described(
        "`https_proxy`", '"http://proxy.example.com:3128"', 'A proxy for everything that is sent; `""` is none.'
    ),
    "ca_file": Described(
        "none", '"~/certificates/company.pem"', "Certificates to trust besides the usual ones, as PEM."
    ),
    "idle_minutes": Described("5", "30", "Minutes with nothing to do after which the background engine ends."),
    "ignore": Described(
        "the usual list alone",
        '["*_draft.*", "raw/"]',
        "Further names never taken from a folder, folders with a / at the end; `[]` takes the usual list away too"
        " (`artui help ignore`).",
    ),
    "log": Described('"text"', '"json"', "The lines of engine.log; json has an object in each."),
}
"""What may stand at the top."""

ACCOUNT: Mapping[str, Described] = {
    "provider": Described("must be set", f'"{provider_names()[0]}"', "The service."),
    "login": Described("the account itself", '"studio"', "The account whose sign-in this one uses."),
    "production": Described(
        "false", "true", "Mark the account as the real one, with a word in the header, plans and questions; no more."
    ),
    "workflow": Described(
        "none", '"9a8b7c6d-1234-4f6e-8a9b-0c1d2e3f4a5b"', "Taken where a command names none: id or name."
    ),
    "output": Described(
        '"retouched" where you are', '"~/Pictures/retouched/{date}"', "The folder for results (`artui help templates`)."
    ),
    "after_saved": Described(
        "nothing",
        '["rclone", "copy", "{result}", "dropbox:{sku}"]',
        "A program and its arguments, run with each result once it is saved; `docs/operating.md` has tried lines.",
    ),
    "deliver": Described('"saved"', '"kept"', "When that is run: once it is saved, or once a person keeps the result."),
    "hours": Described("at any time", '"mon-fri 07:00-19:00"', "When something new is sent, by `timezone`."),
    "bandwidth": Described(
        "no bound",
        '["5 MB/s mon-fri 07:00-19:00", "20 MB/s"]',
        "How fast photos and results move together: a rate, or several with hours: the first that holds counts.",
    ),
    "strict": Described("false", "true", "Decode every photo before it is sent; needs `artui[strict]`."),
    "twins": Described('"once"', '"deliver"', f"{_TWINS}."),
    "ratings": Described("false", "true", "Tell the service which results are liked (console, `keep`, `reject`)."),
    "metadata": Described('"none"', '"keep-rights"', f'{_METADATA} or `"keep"`; needs exiftool.'),
    "mode": Described("as the umask says", '"0664"', f"{_MODE}."),
    "group": Described("as the folder says", '"studio"', "The group of results."),
    "low": Described("none", "500", "The balance below which people are told."),
    "sku_pattern": Described("none", "'(?P<sku>[A-Z0-9]+)_.*'", "Takes the label `sku` out of names, by a regex."),
}
"""What every account may hold."""

CAPS: Mapping[str, Described] = {
    "run": Described("none", "1000", "The most for one folder or rule with one workflow; of a rule: in all."),
    "day": Described("none", "3000", "The most in a day of `timezone`."),
    "month": Described("none", "40000", "The most in a month."),
}
"""Caps of an account or a rule, in the account's unit."""

PACE: Mapping[str, Described] = {
    "uploads": Described("32", "2", "The most uploads at one time; as many as are of use are found."),
    "downloads": Described("16", "2", "The most downloads at one time; as many as are of use are found."),
    "calls": Described("4", "2", "Other calls at one time."),
    "in_flight": Described("what suits the service", "1000", "Jobs at the service at one time."),
}
"""How many at one time."""

_AS_ACCOUNT = "as the account"

RULE: Mapping[str, Described] = {
    "name": Described(
        "the folder", '"boots"', "What commands call it. A rule of another name knows nothing of what it sent."
    ),
    "folder": Described("must be set", '"/srv/photos/in"', "The folder that is watched."),
    "recursive": Described("false", "true", "Take the photos of sub-folders too."),
    "account": Described("the default account", '"studio"', "Who pays."),
    "workflow": Described("the account's", '"Background Removal"', "The workflow, by id or name."),
    "workflows": Described(
        "workflow alone", '["Background Removal", "Ghost Mannequin"]', "Several: each photo goes once through each."
    ),
    "output": Described(
        "the account's", '"/srv/photos/out/{date}"', "The folder for results (`artui help templates`)."
    ),
    "template": Described(
        '"{stem}", or "{relative}/{stem}" with recursive', '"{relative}/{stem}"', "The name of each result below it."
    ),
    "include": Described(
        "every photo", '["*.jpg", "*.tif"]', "Patterns for names, or with a / for paths, that are taken."
    ),
    "exclude": Described("none", '["*_draft.*", "raw/*"]', "Patterns for what is not taken."),
    "ignore": Described("the usual list alone", '["*.bak", "rejected/"]', "As at the top, for this rule in its place."),
    "after_rule": Described(
        "none", '"cutout"', "The name of the rule whose results it takes for photos; without it no result is taken."
    ),
    "sku": Described('"{folder}"', '"{stem}"', "The label `sku` of each photo (`artui help templates`)."),
    "sku_pattern": Described(_AS_ACCOUNT, "'(?P<sku>[A-Z0-9]+)_.*'", "Takes that label out of names it fits."),
    "sample": Described("all are sent", "5", "Send so many first; the rest waits for `artui approve`."),
    "after": Described('"keep"', '"move"', "What becomes of a photo whose result is saved: kept, or moved to done/."),
    "rejected": Described(
        "none", '"/srv/photos/rejected"', "A folder of its own; a result that anybody moves there is rejected."
    ),
    "existing": Described(
        "must be set", '"ignore"', 'What lies there when the rule is first loaded: `"process"` it or not.'
    ),
    "twins": Described(_AS_ACCOUNT, '"deliver"', f"{_TWINS}."),
    "quiet": Described("2", "5", "Seconds for which a photo must not have changed."),
    "after_saved": Described(_AS_ACCOUNT, "[]", "What is run with each result once it is saved."),
    "deliver": Described(_AS_ACCOUNT, '"kept"', "When that is run."),
    "hours": Described(_AS_ACCOUNT, '"22:00-06:00"', "When something new is sent."),
    "strict": Described(_AS_ACCOUNT, "true", "Decode each photo before it is taken."),
    "archives": Described("false", "true", "Send a ZIP of photos as one, where the service takes such."),
    "metadata": Described(_AS_ACCOUNT, '"keep-rights"', f'{_METADATA} or `"keep"`.'),
    "mode": Described(_AS_ACCOUNT, '"0664"', f"{_MODE}."),
    "group": Described(_AS_ACCOUNT, '"studio"', "The group of results."),
    "patience": Described("600", "3600", "Seconds a photo that is not whole may stall before it goes to failed/."),
}
"""What a ``[[watch]]`` table may hold."""

NOTIFY: Mapping[str, Described] = {
    "on": Described(
        '["needs you", "trouble", "money"]',
        '["needs you", "trouble", "money", "done", "daily 18:00"]',
        "What is told; a summary at any hour.",
    ),
    "command": Described(
        "this or url", '["/usr/local/bin/tell-the-studio", "--quietly"]', "A command, without a shell."
    ),
    "url": Described(
        "this or command", '"ntfys://studio-photos"', "A service that Apprise knows; needs `artui[notify]`."
    ),
}
"""What a ``[[notify]]`` table may hold."""

HEARTBEAT: Mapping[str, Described] = {
    "url": Described("none", '"https://hc.example.com/4c1f"', "An address that is asked for while nothing is wrong."),
    "every": Described("300", "60", "How often, in seconds."),
}
"""What ``[heartbeat]`` may hold."""

REVIEW: Mapping[str, Described] = {
    "reviewer": Described("the login name", '"mara"', "Who decides about results here."),
    "reasons": Described(
        "seven usual ones", '["mask or edges", "colour", "not sharp"]', "Why results are rejected, by their numbers."
    ),
}
"""What ``[review]`` may hold."""

SERVICE: Mapping[str, Described] = {
    "hours": Described("at any time", '"mon-fri 07:00-19:00"', "When something new is sent through its accounts."),
}
"""What ``[services.NAME]`` may hold."""

VARIABLES: Mapping[str, str] = {
    "ARTUI_…": "any setting: `ARTUI_TIMEZONE`, and for an account studio `ARTUI_STUDIO_ORGANIZATION`,"
    " `ARTUI_STUDIO_CAPS_DAY`; wins over both files",
    "ARTUI_NAME_TOKEN": "the key of an account, as `ARTUI_STUDIO_TOKEN`; `ARTUI_NAME_WEBHOOK_TOKEN` of its webhook",
    "ARTUI_HOME": "one folder for settings, journal, keys and caches; without it the XDG folders",
    "ARTUI_CONFIG_DIR": "the folder of config.toml and settings.toml alone",
    "ARTUI_NO_PROMPT": "ask nothing, even on a terminal: as if there were none",
    "ARTUI_DEBUG": "show the traceback of a defect",
    "NO_COLOR": "no colours; `CLICOLOR_FORCE` has them without a terminal too, `--color` goes before both",
    "CLICOLOR_FORCE": "colours without a terminal too",
    "XDG_CONFIG_HOME": "where settings are, with `XDG_STATE_HOME` the journal and the log, `XDG_CACHE_HOME` what can be"
    " made anew, `XDG_DATA_HOME` what is remembered of the journal apart from it",
    "https_proxy": "a proxy where no setting names one",
    "SSL_CERT_FILE": "the certificates to trust, or `SSL_CERT_DIR` a folder of them",
    "TZ": "the zone where no setting names one",
}
"""The environment variables that mean something here, and what."""

OWN_VARIABLES = frozenset(
    {"ARTUI_HOME", "ARTUI_CONFIG_DIR", "ARTUI_NO_PROMPT", "ARTUI_DEBUG"}
    | {"ARTUI_TOPIC", "ARTUI_TITLE", "ARTUI_TEXT", "ARTUI_COUNT"}
)
"""The ``ARTUI_…`` variables that are no settings: the last ones a notified command gets."""
