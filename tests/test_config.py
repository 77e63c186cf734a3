"""Settings: which place wins, what is refused and how it is said, and that what is saved survives."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artui import config, providers
from artui.cli import run
from artui.config import Caps, Config, ConfigError, Origin, Pace, Paths, load, save_setting, write_example
from artui.config.layers import _lines

STUDIO = '[accounts.studio]\nprovider = "autoretouch"\n'


@pytest.fixture(autouse=True)
def known_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three services, whichever of them the folder holds."""
    monkeypatch.setattr("artui.config.known.provider_names", lambda: ("autoretouch", "filestack", "retouch4me"))


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def where() -> Paths:
    paths = config.paths()
    paths.create()
    return paths


@pytest.fixture
def any_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def write(where: Paths, text: str) -> Paths:
    where.config_file.write_text(text, "utf-8")
    return where


def complaint(where: Paths, environ: dict[str, str] | None = None, **overrides: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(where, os.environ if environ is None else environ, overrides)
    text = str(caught.value)
    assert "\n" not in text
    return text


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- folders -------------------------------------------------------------------------------------------------------


def test_one_home_holds_all_four_folders(home: Path) -> None:
    where = config.paths()
    assert (where.config, where.state) == (home / "config", home / "state")
    assert (where.cache, where.data) == (home / "cache", home / "data")
    assert where.anchor.parent != where.journal.parent


def test_without_a_home_the_folders_are_those_of_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARTUI_HOME")
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    where = config.paths()
    assert where.config_file == tmp_path / "CONFIG" / "artui" / "config.toml"
    assert where.journal == tmp_path / "STATE" / "artui" / "journal.db"
    assert where.anchor == tmp_path / "DATA" / "artui" / "anchor.json"


def test_a_relative_home_does_not_move_with_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    where = config.paths({"ARTUI_HOME": "here"})
    assert where.config == tmp_path / "here" / "config"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_folders_are_private_whatever_the_umask(any_umask: None, home: Path, umask: int) -> None:
    os.umask(umask)
    config.paths().create()
    for folder in (home, home / "config", home / "state", home / "cache", home / "data"):
        assert mode(folder) == 0o700, folder


def test_folders_that_exist_keep_their_mode(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config").chmod(0o755)
    config.paths().create()
    assert mode(home / "config") == 0o755


def test_a_file_in_the_way_of_a_folder_is_named(home: Path) -> None:
    home.mkdir()
    (home / "state").write_text("")
    with pytest.raises(ConfigError, match=r"home/state \(a file is in the way\).*ARTUI_HOME"):
        config.paths().create()


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_a_private_file_is_private_whatever_the_umask(any_umask: None, tmp_path: Path, umask: int) -> None:
    os.umask(umask)
    config.write_private(tmp_path / "file", b"new")
    assert mode(tmp_path / "file") == 0o600
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_private_file_is_private_before_its_mode_is_mended(
    any_umask: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fchmod", lambda *_: None)
    config.write_private(tmp_path / "file", b"new")
    assert mode(tmp_path / "file") == 0o600


def test_a_private_file_that_cannot_be_replaced_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    config.write_private(file, b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        config.write_private(file, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert file.read_bytes() == b"old"


def test_a_private_file_is_synced_before_its_name_and_its_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    did: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda fd: (did.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"), sync(fd))
    )
    monkeypatch.setattr(Path, "replace", lambda self, to: (did.append("name"), replace(self, to)))
    config.write_private(tmp_path / "file", b"new")
    assert did == ["file", "name", "folder"]


def test_a_lock_that_is_kept_is_named_after_a_while(tmp_path: Path) -> None:
    with (
        config.locked(tmp_path / "lock"),
        pytest.raises(ConfigError, match=r"held .*lock for 0\.1 s"),
        config.locked(tmp_path / "lock", patience=0.1),
    ):
        pass
    with config.locked(tmp_path / "lock", patience=0.1):
        assert (tmp_path / "lock").exists()


# --- what is set ---------------------------------------------------------------------------------------------------


def test_nothing_set_is_a_configuration_too(where: Paths) -> None:
    found = load(where)
    assert found.accounts == {}
    assert found.default_account is None
    assert (found.images, found.glyphs, found.idle_minutes, found.proxy) == ("blocks", "auto", 5, None)
    assert found.watch == ()
    assert found.timezone.utcoffset(dt.datetime(2026, 1, 1)) is not None  # noqa: DTZ001  asked of the zone itself
    assert set(found.sources.values()) == {config.Source(Origin.DEFAULT)}


def test_loading_makes_no_folders(home: Path) -> None:
    load()
    assert not home.exists()


def test_an_account_gets_its_own_keys_and_its_provider_the_rest(where: Paths) -> None:
    write(
        where,
        """
        timezone = "Europe/Berlin"
        [accounts.studio]
        provider = "autoretouch"
        workflow = "w-1"
        output = "~/out/{date}"
        api_url = "http://127.0.0.1:8900"
        settle = 1
        webhooks = { ended = "https://example.com/hook" }
        [accounts.studio.caps]
        day = 3000
        [accounts.studio.pace]
        uploads = 12
        """,
    )
    found = load(where)
    studio = found.accounts["studio"]
    assert found.timezone == ZoneInfo("Europe/Berlin")
    assert found.default_account == "studio"
    assert (studio.provider, studio.login, studio.workflow) == ("autoretouch", "studio", "w-1")
    assert studio.output == f"{Path.home()}/out/{{date}}"
    assert studio.caps == Caps(day=3000)
    assert studio.pace == Pace(uploads=12)
    assert studio.settings == {
        "api_url": "http://127.0.0.1:8900",
        "settle": 1,
        "webhooks": {"ended": "https://example.com/hook"},
    }


def test_the_account_to_take_is_only_guessed_when_there_is_one(where: Paths) -> None:
    two = STUDIO + '[accounts.outlet]\nprovider = "filestack"\n'
    assert load(write(where, two)).default_account is None
    assert load(write(where, 'account = "outlet"\n' + two)).default_account == "outlet"


def test_each_place_wins_over_the_ones_below(where: Paths) -> None:
    environ = {"ARTUI_GLYPHS": "ascii"}
    assert load(where, {}).glyphs == "auto"
    where.settings_file.write_text('glyphs = "unicode"\nimages = "auto"\nidle_minutes = 1\ntimezone = "Asia/Tokyo"\n')
    assert load(where, {}).glyphs == "unicode"
    write(where, 'glyphs = "auto"\nimages = "off"\nidle_minutes = 2\n')
    assert load(where, {}).glyphs == "auto"
    assert load(where, environ).glyphs == "ascii"
    found = load(where, environ, {"glyphs": "unicode"})
    assert found.glyphs == "unicode"
    assert (found.images, found.idle_minutes, str(found.timezone)) == ("off", 2, "Asia/Tokyo")


def test_the_places_of_an_account_are_laid_over_each_other_key_by_key(where: Paths) -> None:
    where.settings_file.write_text(
        STUDIO + 'organization = "o-1"\nsettle = 90\n[accounts.studio.caps]\nday = 1\nmonth = 2\n'
    )
    write(where, "[accounts.studio]\nsettle = 5\n[accounts.studio.caps]\nday = 3\n")
    studio = load(where, {"ARTUI_STUDIO_CAPS_MONTH": "4"}, {"accounts.studio.caps.run": 5}).accounts["studio"]
    assert studio.caps == Caps(run=5, day=3, month=4)
    assert studio.settings == {"organization": "o-1", "settle": 5}


def test_every_value_names_its_source(where: Paths) -> None:
    where.settings_file.write_text(STUDIO + "settle = 90\n")
    write(where, '# mine\nimages = "auto"\n\n[accounts.studio.caps]\nday = 3\n')
    found = load(where, {"ARTUI_STUDIO_API_URL": "http://x"}, {"idle_minutes": 1})
    said = {key: str(source) for key, source in found.sources.items()}
    assert said["images"] == f"{where.config_file} line 2"
    assert said["accounts.studio.caps.day"] == f"{where.config_file} line 5"
    assert said["accounts.studio.settle"] == f"{where.settings_file} line 3"
    assert said["accounts.studio.api_url"] == "ARTUI_STUDIO_API_URL"
    assert said["idle_minutes"] == "--idle-minutes"
    assert said["accounts.studio.pace.uploads"] == "default"
    assert found.sources["images"].origin is Origin.CONFIG
    assert set(found.values) < set(found.sources)
    assert found.values["accounts.studio.caps.day"] == 3
    assert found.values["accounts.studio.api_url"] == "http://x"


def test_rules_of_both_files_are_joined_and_keep_their_lines(where: Paths) -> None:
    where.settings_file.write_text('[[watch]]\nfolder = "/c"\n')
    write(where, '[[watch]]\nfolder = "/a"\n\n[[watch]]\nfolder = "/b"\ncaps = { day = 5 }\n')
    found = load(where)
    assert [rule["folder"] for rule in found.watch] == ["/a", "/b", "/c"]
    assert str(found.sources["watch.1"]) == f"{where.config_file} line 4"
    assert str(found.sources["watch.1.caps.day"]) == f"{where.config_file} line 6"
    assert str(found.sources["watch.2.folder"]) == f"{where.settings_file} line 2"
    assert found.values["watch.1.caps.day"] == 5


def test_a_byte_order_mark_and_windows_line_ends_are_read(where: Paths) -> None:
    where.config_file.write_bytes(b'\xef\xbb\xbfimages = "off"\r\nglyphs = "ascii"\r\n')
    found = load(where)
    assert (found.images, found.glyphs) == ("off", "ascii")
    assert found.sources["glyphs"].line == 2


# --- the environment -----------------------------------------------------------------------------------------------


def test_an_account_can_come_from_the_environment_alone(where: Paths) -> None:
    environ = {
        "ARTUI_STUDIO_PROVIDER": "autoretouch",
        "ARTUI_STUDIO_ORGANIZATION": "12345",
        "ARTUI_STUDIO_SETTLE": "1",
        "ARTUI_STUDIO_PACE_IN_FLIGHT": "20",
        "ARTUI_STUDIO_CAPS_DAY": "0",
        "ARTUI_TIMEZONE": "UTC",
        "ARTUI_IDLE_MINUTES": "0.5",
        "ARTUI_HOME": "somewhere",
        "ARTUI_SOMETHING_ELSE": "of another program",
    }
    found = load(where, environ)
    studio = found.accounts["studio"]
    assert studio.settings == {"organization": "12345", "settle": "1"}  # text: the provider's model reads it
    assert (studio.pace.in_flight, studio.caps.day) == (20, 0)
    assert found.idle_minutes == 0.5
    assert found.default_account == "studio"


def test_an_empty_variable_is_an_unset_one(where: Paths) -> None:
    assert load(where, {"ARTUI_TIMEZONE": "", "ARTUI_IMAGES": ""}).images == "blocks"


def test_a_name_with_other_signs_has_them_as_underscores(where: Paths) -> None:
    write(where, '[accounts.my-studio]\nprovider = "autoretouch"\n')
    assert load(where, {"ARTUI_MY_STUDIO_API_URL": "http://x"}).accounts["my-studio"].settings == {
        "api_url": "http://x"
    }
    assert config.variable("my-studio", "token") == "ARTUI_MY_STUDIO_TOKEN"


def test_the_longest_account_name_takes_the_variable(where: Paths) -> None:
    write(where, STUDIO + '[accounts.studio-caps]\nprovider = "filestack"\n')
    found = load(
        where, {"ARTUI_STUDIO_CAPS_DAY": "7", "ARTUI_STUDIO_CAPS_CAPS_DAY": "8", "ARTUI_STUDIO_PACE_CALLS": "9"}
    )
    assert found.accounts["studio-caps"].settings == {"day": "7"}
    assert found.accounts["studio-caps"].caps.day == 8
    assert found.accounts["studio"].pace.calls == 9


def test_two_accounts_must_not_share_their_variables(where: Paths) -> None:
    write(where, '[accounts.a-b]\nprovider = "filestack"\n[accounts.a_b]\nprovider = "filestack"\n')
    assert "the accounts a-b and a_b would share the variables ARTUI_A_B_…" in complaint(where)


def test_a_token_is_never_part_of_a_configuration(where: Paths) -> None:
    write(where, STUDIO)
    found = load(where, {"ARTUI_STUDIO_TOKEN": "canary-4711"})
    assert "canary" not in repr(found)
    assert "canary" not in repr((dict(found.values), dict(found.sources), found.accounts))
    assert not [key for key in found.sources if "token" in key]


def test_the_usual_proxy_variable_counts_below_all_settings(where: Paths) -> None:
    environ = {"https_proxy": "proxy.example.com:3128"}
    found = load(where, environ)
    assert found.proxy == "http://proxy.example.com:3128"
    assert str(found.sources["proxy"]) == "https_proxy"
    assert load(write(where, 'proxy = ""\n'), environ).proxy is None


def test_the_password_of_a_proxy_is_not_shown(where: Paths) -> None:
    found = load(write(where, 'proxy = "http://me:canary-4711@proxy.example.com"\n'))
    assert found.proxy == "http://me:canary-4711@proxy.example.com"
    assert found.values["proxy"] == "http://…@proxy.example.com"
    assert "canary" not in repr(found)
    assert "canary" not in complaint(write(where, 'proxy = "socks5://me:canary-4711@proxy.example.com"\n'))


# --- what is refused -----------------------------------------------------------------------------------------------

REFUSED = [
    ('timezon = "UTC"', "line 1: timezon is no setting of the top of the file; did you mean timezone?"),
    ("rubbish = 1", "line 1: rubbish is no setting of the top of the file; known there: timezone, account,"),
    (
        'timezone = "Europe/Berlln"',
        "line 1: timezone must be a time zone like Europe/Berlin; did you mean Europe/Berlin?",
    ),
    ("timezone = 1", 'timezone must be text, like "this"'),
    ('timezone = "../../etc/passwd"', "timezone must be a time zone"),
    ('images = "blok"', "images must be one of blocks, auto, off; did you mean blocks?"),
    ("idle_minutes = -1", "idle_minutes must be a number from 0 to 10,080"),
    ("idle_minutes = nan", "idle_minutes must be a number from 0 to 10,080"),
    ("idle_minutes = true", "idle_minutes must be a number from 0 to 10,080"),
    ('account = "studio"', "line 1: account studio is not set up; none is set up yet, run artui login"),
    ('account = "stuio"\n' + STUDIO, "line 1: account stuio is not set up; did you mean studio?"),
    ("accounts = 3", "line 1: accounts must be a table: write [accounts]"),
    ("[accounts]\nstudio = 3", "line 2: accounts.studio must be a table: write [accounts.studio]"),
    ('[accounts.Studio]\nprovider = "filestack"', "line 1: accounts.Studio must be 1 to 32 small letters"),
    ('[accounts.""]\nprovider = "filestack"', 'line 1: accounts."" must be 1 to 32 small letters'),
    (f'[accounts.{"a" * 33}]\nprovider = "filestack"', "must be 1 to 32 small letters"),
    ('[accounts.studio]\nprovider = "autoretuch"', "line 2: accounts.studio.provider must be one of autoretouch"),
    ('[accounts.studio]\nprovider = "autoretuch"', "; did you mean autoretouch?"),
    ("[accounts.studio]\nsettle = 1", 'line 1: accounts.studio needs provider = "…", one of autoretouch'),
    ('[accounts.studio]\nproviser = "filestack"', "; is proviser meant to be it?"),
    (STUDIO + "workflow = 1", 'line 3: accounts.studio.workflow must be text, like "this"'),
    *(
        (
            STUDIO + f"mode = {mode}",
            "line 3: accounts.studio.mode must be the octal digits of a mode in which the owner",
        )
        for mode in ('"rw"', '"0864"', '"0064"', "0o664", '"02775"', '""')
    ),
    (STUDIO + "[accounts.studio.caps]\nday = -1", "line 4: accounts.studio.caps.day must be a whole number from 0"),
    (STUDIO + "[accounts.studio.caps]\nday = 1.5", "accounts.studio.caps.day must be a whole number from 0"),
    (STUDIO + '[accounts.studio.caps]\nday = "1"', "accounts.studio.caps.day must be a whole number from 0"),
    (STUDIO + "[accounts.studio.caps]\ndya = 1", "dya is no setting of [accounts.studio.caps]; did you mean day?"),
    (STUDIO + "caps = 5", "line 3: accounts.studio.caps must be a table: write [accounts.studio.caps]"),
    (STUDIO + "pace.uploads = 0", "line 3: accounts.studio.pace.uploads must be a whole number from 1 to 64"),
    (STUDIO + "pace.in_flight = 10001", "must be a whole number from 1 to 10,000"),
    (STUDIO + 'token = "canary-4711"', "line 3: accounts.studio.token is a secret and may not stand in a setting"),
    (STUDIO + 'app_secret = "canary-4711"', "run artui login, or set ARTUI_STUDIO_TOKEN"),
    ("watch = 3", "line 1: watch must be an array of tables: write [[watch]] above each rule"),
    ("[watch]\nfolder = 'x'", "line 1: watch must be an array of tables"),
    ("a = 1\nb = = 2", "is not valid TOML: Invalid value (at line 2, column 5): correct that place"),
    ("a = " + "[" * 100_000, "nests its values too deeply"),
    (f"[accounts.{'.'.join('a' * 5000)}]", "nests its values too deeply"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED, ids=[text[:40] for text, _ in REFUSED])
def test_what_cannot_be_used_is_named_with_its_line(where: Paths, text: str, expected: str) -> None:
    said = complaint(write(where, text))
    assert str(where.config_file) in said
    assert expected in said
    assert "canary" not in said


def test_the_saved_settings_are_checked_alike(where: Paths) -> None:
    where.settings_file.write_text("glyphs = 3\n")
    assert complaint(where).startswith(f"{where.settings_file} line 1: glyphs must be one of")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"ARTUI_IMAGES": "blok"}, "ARTUI_IMAGES: images must be one of"),
        ({"ARTUI_STUDIO_CAPS_DAY": "many"}, "ARTUI_STUDIO_CAPS_DAY: accounts.studio.caps.day must be a whole number"),
        ({"ARTUI_STUDIO_CAPS_DYA": "1"}, "ARTUI_STUDIO_CAPS_DYA: accounts.studio.caps.dya is no setting"),
        ({"ARTUI_STUDIO_CAPS": "1"}, "ARTUI_STUDIO_CAPS: accounts.studio.caps must be a table"),
        ({"ARTUI_STUDIO_APP_SECRET": "canary-4711"}, "ARTUI_STUDIO_APP_SECRET: accounts.studio.app_secret is a secret"),
        ({"ARTUI_NEW_PROVIDER": "foo"}, "ARTUI_NEW_PROVIDER: accounts.new.provider must be one of"),
        ({"ARTUI_ACCOUNT": "stuio"}, "ARTUI_ACCOUNT: account stuio is not set up; did you mean studio?"),
        ({"HTTPS_PROXY": "socks5://me:canary-4711@x"}, "HTTPS_PROXY: proxy must start with http"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(where: Paths, environ: dict[str, str], expected: str) -> None:
    said = complaint(write(where, STUDIO), environ)
    assert said.startswith(expected)
    assert "canary" not in said


def test_a_flag_that_cannot_be_used_is_named(where: Paths) -> None:
    assert complaint(where, timezone="Mars").startswith("--timezone: timezone must be a time zone")


def test_files_that_cannot_be_read_are_named(where: Paths) -> None:
    where.config_file.write_bytes(b"# caf\xe9\n")
    assert complaint(where) == f"{where.config_file} is not UTF-8 text (at byte 5): save it as UTF-8"
    where.config_file.unlink()
    where.config_file.mkdir()
    assert complaint(where) == f"{where.config_file} is no regular file and is not used: remove it"


@given(st.text(), st.sampled_from(["", STUDIO, "timezone = ", "[accounts.studio]\n", "[[watch]]\n"]))
def test_no_text_breaks_the_reading(text: str, before: str) -> None:
    where = config.paths()
    where.create()
    where.config_file.write_text(before + text, "utf-8", errors="surrogatepass")
    try:
        found = load(where)
    except ConfigError as error:
        assert "\n" not in str(error)  # noqa: PT017  either end is right
    else:
        assert isinstance(found, Config)


def test_lines_are_those_on_which_values_start() -> None:
    text = 'a = [\n  1, # one\n\n  2]\n# b = 0\nb = """\n[c]\nd = 1\n"""\n[c."x.y"]\nd = 1\n[[e]]\n[[e]]\nf = {g = 1}\n'
    lines = _lines(text)
    assert lines["a",] == 1
    assert lines["b",] == 6
    assert lines["c", "x.y", "d"] == 11
    assert lines["e", 1] == 13
    assert lines["e", 1, "f", "g"] == 14
    assert ("c", "d") not in lines


def test_the_names_are_those_of_the_folder() -> None:
    names = config.provider_names()
    assert list(names) == providers.names()


def test_the_local_zone_knows_summer_time() -> None:
    zone = config.local_zone({"TZ": ":Europe/Berlin"})
    assert zone == ZoneInfo("Europe/Berlin")
    assert isinstance(config.local_zone({"TZ": "no/zone"}), dt.tzinfo)


def test_loading_needs_none_of_the_heavy_parts(where: Paths) -> None:
    write(where, 'timezone = "Europe/Berlin"\n')
    heavy = "{'textual', 'httpx', 'aiohttp', 'pydantic', 'keyring', 'tomli_w', 'apsw'}"
    code = f"import sys, artui.config, artui.credentials; artui.config.load(); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- what is saved -------------------------------------------------------------------------------------------------


def test_a_saved_value_is_read_again(any_umask: None, where: Paths) -> None:
    save_setting(where, "accounts.studio", {"provider": "autoretouch", "caps": {"day": 5}})
    save_setting(where, "accounts.studio.organization", "o-1")
    save_setting(where, "watch", [{"folder": "/in"}])
    found = load(where)
    assert found.accounts["studio"].settings == {"organization": "o-1"}
    assert found.accounts["studio"].caps.day == 5
    assert found.watch == ({"folder": "/in"},)
    assert found.sources["accounts.studio.organization"].origin is Origin.SETTINGS
    assert mode(where.settings_file) == 0o600


def test_a_value_saved_as_none_is_gone(where: Paths) -> None:
    save_setting(where, "accounts.studio", {"provider": "autoretouch", "caps": {"day": 5}})
    save_setting(where, "accounts.studio.caps.day", None)
    assert load(where).accounts["studio"].caps.day is None
    save_setting(where, "accounts.studio", None)
    assert load(where).accounts == {}
    save_setting(where, "glyphs", None)


def test_what_config_toml_sets_is_locked(where: Paths) -> None:
    write(where, 'glyphs = "ascii"\n' + STUDIO + "settle = 5\n")
    for key, value in (("glyphs", "auto"), ("accounts.studio.settle", 9), ("accounts.studio", {"settle": 9})):
        with pytest.raises(
            ConfigError, match=rf"is locked by {re.escape(str(where.config_file))} line \d: change it there"
        ):
            save_setting(where, key, value)
    assert not where.settings_file.exists()
    save_setting(where, "accounts.studio.organization", "o-1")
    save_setting(where, "watch", [{"folder": "/in"}])


def test_rules_can_be_saved_beside_those_of_the_person(where: Paths) -> None:
    write(where, '[[watch]]\nfolder = "/a"\n')
    save_setting(where, "watch", [{"folder": "/b"}])
    assert [rule["folder"] for rule in load(where).watch] == ["/a", "/b"]


def test_what_could_not_be_read_again_is_not_saved(where: Paths) -> None:
    save_setting(where, "glyphs", "ascii")
    before = where.settings_file.read_bytes()
    with pytest.raises(ConfigError, match=r"settings\.toml \(not saved\): glyphs must be one of"):
        save_setting(where, "glyphs", "asci")
    with pytest.raises(ConfigError, match="is a secret"):
        save_setting(where, "accounts.studio", {"provider": "filestack", "token": "canary"})
    assert where.settings_file.read_bytes() == before


def test_a_folder_that_cannot_be_written_saves_nothing(where: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("artui.config.saved.write_private", full)
    with pytest.raises(ConfigError, match=r"settings\.toml cannot be written \(No space left on device\)"):
        save_setting(where, "glyphs", "ascii")


def test_a_linked_settings_file_stays_a_link(where: Paths, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text('images = "off"\n')
    where.settings_file.symlink_to(real)
    save_setting(where, "glyphs", "ascii")
    assert where.settings_file.is_symlink()
    assert tomllib.loads(real.read_text()) == {"images": "off", "glyphs": "ascii"}


def save_many(where: Paths, account: str) -> None:
    for number in range(20):
        save_setting(where, f"accounts.{account}", {"provider": "autoretouch", f"key{number}": number})
        save_setting(where, f"accounts.{account}.kept{number}", number)


def test_processes_that_save_at_once_lose_nothing(where: Paths) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=save_many, args=(where, name)) for name in ("one", "two", "three")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    accounts = load(where).accounts
    assert {name: account.settings for name, account in accounts.items()} == {
        name: {"key19": 19, "kept19": 19} for name in ("one", "two", "three")
    }


# --- the example ---------------------------------------------------------------------------------------------------


def uncommented(text: str) -> str:
    return re.sub(r"(?m)^# (?=\S)", "", text)


def test_the_example_as_it_stands_sets_nothing(where: Paths, any_umask: None) -> None:
    before = load(where)
    file = write_example(where)
    assert file == where.config_file
    assert mode(file) == 0o600
    assert load(where) == before


def test_the_example_holds_with_every_setting_taken(where: Paths) -> None:
    found = load(write(where, uncommented(config.example())))
    assert set(found.accounts) >= {"studio", "outlet", "portraits"}
    assert found.accounts["outlet"].login == "studio"
    assert len(found.watch) == 1
    assert all(line.startswith(("## ", "# ")) or line in ("", "##") for line in config.example().splitlines())


def test_the_providers_take_what_the_example_gives_them(where: Paths) -> None:
    for account in load(write(where, uncommented(config.example()))).accounts.values():
        assert providers.settings(providers.load(account.provider), account)


def test_the_example_shows_every_setting(where: Paths) -> None:
    found = load(write(where, uncommented(config.example())))
    unset = {key for key, source in found.sources.items() if source.origin is Origin.DEFAULT}
    assert not [key for key in unset if key.startswith("accounts.studio.") and key != "accounts.studio.login"]
    assert not [key for key in unset if not key.startswith("accounts.")]


def test_the_example_shows_what_holds_anyway(where: Paths) -> None:
    shown = load(write(where, uncommented(config.example())))
    anyway = load(Paths(where.config / "none", where.state, where.cache, where.data))
    assert (shown.images, shown.glyphs, shown.idle_minutes) == (anyway.images, anyway.glyphs, anyway.idle_minutes)
    assert shown.accounts["studio"].pace == Pace(in_flight=1000)


def test_a_configuration_of_the_person_is_never_overwritten(where: Paths) -> None:
    write(where, "# mine\n")
    with pytest.raises(ConfigError, match=r"config\.toml exists and is yours"):
        write_example(where)
    assert where.config_file.read_text() == "# mine\n"


def test_the_check_refuses_what_is_certainly_wrong_and_tells_what_may_be(
    where: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account = '[accounts.studio]\nprovider = "autoretouch"\n'
    for wrong, said in (
        (f'{account}login = "studoi"\n', "line 3: accounts.studio.login: there is no account studoi; did you mean"),
        (f'ca_file = "/nowhere.pem"\n{account}', "line 1: ca_file: /nowhere.pem is no file that can be read"),
    ):
        write(where, wrong)
        assert run(["config", "check"]) == 2
        assert said in capsys.readouterr().err
    write(where, account)
    for name in ("ARTUI_TIMZONE", "ARTUI_STUDIO_TOKEN", "ARTUI_DEBUG"):
        monkeypatch.setenv(name, "x")
    assert run(["config", "check"]) == 0
    said = capsys.readouterr().err
    assert "The variable ARTUI_TIMZONE sets nothing; did you mean ARTUI_TIMEZONE?" in said
    assert said.count("sets nothing") == 1


def test_the_settings_may_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    own = tmp_path / "etc"
    for environ in ({"ARTUI_HOME": str(tmp_path / "home")}, {"XDG_STATE_HOME": str(tmp_path / "state")}):
        apart, together = config.paths({**environ, "ARTUI_CONFIG_DIR": str(own)}), config.paths(environ)
        assert apart.config_file == own / "config.toml"
        assert apart.journal == together.journal
