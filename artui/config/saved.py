"""The two files artui writes: settings.toml, from the screens; and config.toml, once, from the commented example."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artui.config.folders import ConfigError, Paths, locked, write_private
from artui.config.layers import Key, Layer, Origin, dotted, leaves, parse_key, read_file
from artui.config.merged import merge
from artui.config.private import NotPrivate, open_private

_HEADER = "# Written by artui. Your own settings belong in config.toml, which wins over this file.\n\n"


def save_setting(where: Paths, dotted_key: str, value: object, environ: Mapping[str, str] = os.environ) -> None:
    """Save a value, or a whole table or list of rules, in settings.toml; None takes it away. Durable on return.

    Raises ConfigError, with nothing written, where config.toml sets the value, where what would be saved could not be
    read again, and where the file cannot be written.
    """
    import tomli_w

    key = parse_key(dotted_key)
    where.create()
    file = Path(os.path.realpath(where.settings_file))  # a link, as dotfile managers make them, stays one
    try:
        with locked(where.config / "settings.lock"):
            config = read_file(Origin.CONFIG, where.config_file)
            # What would have no effect is refused. Rules of both files are joined, so none hides another.
            for fixed, _ in leaves(config.tree):
                for wanted, _ in leaves(value, key):
                    common = min(len(fixed), len(wanted))
                    if fixed[:common] == wanted[:common] != ("watch",):
                        raise ConfigError(f"{dotted(fixed)} is locked by {config.source(fixed)}: change it there")
            tree = dict(read_file(Origin.SETTINGS, file).tree)
            _put(tree, key, value)
            merge(where, environ, {}, Layer(Origin.SETTINGS, tree, f"{file} (not saved)"))
            write_private(file, (_HEADER + tomli_w.dumps(tree)).encode())
    except NotPrivate as refusal:
        raise ConfigError(f"{refusal}; nothing was saved") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}); nothing was saved") from None


def _put(tree: dict[str, Any], key: Key, value: object) -> None:
    word, *rest = map(str, key)
    if rest:
        if not isinstance(tree.get(word), dict):
            tree[word] = {}
        _put(tree[word], tuple(rest), value)
    elif value is None:
        tree.pop(word, None)
    else:
        tree[word] = value


def write_example(where: Paths) -> Path:
    """Create config.toml from the commented example and return its path. Raises ConfigError where there is one."""
    where.create()
    file = where.config_file
    try:
        descriptor = open_private(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        raise ConfigError(f"{file} exists and is yours, artui leaves it alone: open it in an editor") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be made ({error.strerror}): check its folder") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(example())
    return file


def example() -> str:
    """The commented example: inside the package where it is installed, at the top of the project in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "config.example.toml"
    return (inside if inside.exists() else package.parent / inside.name).read_text("utf-8")
