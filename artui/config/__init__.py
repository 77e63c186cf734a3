"""Config: where artui keeps its files and how it is set.

Five places may set a value; the first that does wins: a flag, an ``ARTUI_…`` variable, ``config.toml`` (the person's,
never written after its creation), ``settings.toml`` (what the screens save), the default. Secrets have no place here:
``artui.credentials`` keeps them, and a key that looks like one is refused.

``folders`` owns the paths and how a private file is written, ``known`` which settings there are, ``layers`` the five
places, ``merged`` what comes out of them, ``saved`` the two files artui writes, ``current`` what is set while a program
runs, ``ignoring`` the list of names that are left alone.
"""

from artui.config.current import CurrentConfig, usable
from artui.config.folders import (
    ConfigError,
    Paths,
    locked,
    make_private_folder,
    paths,
    sync_folder,
    try_lock,
    write_private,
)
from artui.config.known import provider_names
from artui.config.layers import Origin, Source, dotted, variable
from artui.config.merged import AccountConfig, Caps, Config, NotifyTarget, Pace, load, local_zone
from artui.config.saved import example, save_setting, write_example

__all__ = [
    "AccountConfig",
    "Caps",
    "Config",
    "ConfigError",
    "CurrentConfig",
    "NotifyTarget",
    "Origin",
    "Pace",
    "Paths",
    "Source",
    "dotted",
    "example",
    "load",
    "local_zone",
    "locked",
    "make_private_folder",
    "paths",
    "provider_names",
    "save_setting",
    "sync_folder",
    "try_lock",
    "usable",
    "variable",
    "write_example",
    "write_private",
]
