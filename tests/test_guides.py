"""The pages for the first day: every line of their command blocks does what the page says, at the stand-in."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from artui import providers
from artui.cli import root
from artui.config import load, paths
from artui.sim.photos import noise_jpeg
from tests.desk import Desk
from tests.make_docs import DOCS

README = DOCS.parent / "README.md"
ORDER = """file,sku,name,workflow
boots/10482 boot cognac.jpg,10482,10482_front,
boots/20931 bottle pine.jpg,20931,20931_front,Ghost Mannequin
"""
AMBIGUOUS = "Background Removal"
"""Two workflows of the stand-in are called so."""


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each artui command of a page's blocks of ``sh``, without where its output goes."""
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for line in re.sub(r"\\\n", "", block).splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["artui"]:
                end = min((words.index(one) for one in ("<", ">", "|", "&&") if one in words), default=len(words))
                yield ["Export only" if word == AMBIGUOUS else word for word in words[1:end]]


@pytest.mark.parametrize("page", ["agency", "scripts"])
def test_a_page_can_be_followed_line_by_line(page: str, desk: Desk) -> None:
    desk.monkeypatch.chdir(desk.folder)
    for number, name in enumerate(("boots/10482 boot cognac", "boots/20931 bottle pine", "AW26/4711/a", "AW26/4712/b")):
        path = Path(f"{name}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        noise_jpeg(path, 20_000, number)
    Path("order.csv").write_text(ORDER)
    Path("rejected.txt").write_text("3\tlabel torn\n")
    said = []
    for words in commands(DOCS / f"{page}.md"):
        if words[0] != "login":  # its key comes from stdin
            said.append(desk(*words))
            assert said[-1].code == 0, (words, said[-1].err)
    if page == "agency":
        assert any(path.stem.startswith("10482_front") for path in Path("out/10482").rglob("*.*"))
        assert any("label torn" in one.out for one in said)
        assert said[-2].out.startswith("sku,")
    else:
        followed = next(one.lines for one in said if '"type": "end"' in one.out)
        assert (followed[0]["type"], followed[-1]["exit"]) == ("queued", 0)


@pytest.mark.parametrize(
    "page",
    [README, *(DOCS / f"{one}.md" for one in ("photographer", "studio-server", "operating", "macos", "notices"))],
)
def test_every_command_on_a_page_is_one_that_artui_takes(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent / "docs")
    monkeypatch.setattr("click.types.File.convert", lambda *_: None)
    found = list(commands(page))
    assert found
    for words in found:
        with root.make_context("artui", list(words)) as context:
            name, command, rest = root.resolve_command(context, [*context._protected_args, *context.args])
            assert command is not None, words
            command.make_context(name, rest, parent=context).close()


def test_every_page_leads_to_pages_that_are_there() -> None:
    for page in (README, *DOCS.rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


BY_HAND = ("brew install", "cat >>", "export ARTUI_", "git pull", "mkdir -p", "pipx install", "python -m pytest",
           "python -m tests.", "python3 -m venv", "sudo apt", "uv tool", "ARCHIVED_CLIENT=")  # fmt: skip
"""How lines begin that no test here runs: they install something, or are run for hours."""


def test_each_line_of_a_page_is_a_command_of_ours_or_tried_by_hand() -> None:
    for page in (README, DOCS.parent / "CONTRIBUTING.md", *DOCS.rglob("*.md")):
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            lines = re.sub(r"<<'END'\n.*?\nEND\n", "\n", re.sub(r"\\\n", "", block), flags=re.DOTALL).splitlines()
            strange = [line for line in lines if line and not line.startswith(("artui ", *BY_HAND))]
            assert not strange, f"{page.name}: run it in a test, or try it by hand and name it here"


def test_the_readme_can_be_followed_at_the_stand_in(desk: Desk) -> None:
    desk.monkeypatch.chdir(desk.folder)
    desk.configure(more='workflow = "Ghost Mannequin"')
    Path("boots").mkdir()
    for number in range(1, 3):
        noise_jpeg(Path("boots", f"0{number}.jpg"), 20_000, number)
    Path("order.csv").write_text("file,sku\nboots/01.jpg,10482\n")
    asks, endless = {"trial", "submit", "redo"}, {"login", "service", "watch", "allow"}
    for words in commands(README):
        if words[0] in endless:
            continue
        if words[0] == "fetch":  # which is for a result that is gone
            gone = next(job for job in desk.jobs() if job["outputs"] and not job["review"])
            Path(gone["outputs"][0]).unlink()
        else:
            gone = {"id": 2}
        words = [str(gone["id"]) if word == "12" else word for word in words]
        said = desk(*words, *(["--yes"] if words[0] in asks and "--dry-run" not in words else []))
        assert said.code == 0, (words, said.out, said.err)
    where, told = paths(), (DOCS / "configuration.md").read_text("utf-8")
    assert where.home is not None
    for place in (*where.home.iterdir(), *where.state.iterdir()):
        name = re.sub(r"-(wal|shm)$|\.\d+$", "", place.name)
        assert f"`{name}`" in told, "docs/configuration.md says where everything lies"


def test_the_script_of_the_page_for_scripts_ends_as_its_photos_do(desk: Desk) -> None:
    (desk.folder / "boots").mkdir()
    for number, name in enumerate(("10482 boot cognac", "20931 bottle pine")):
        noise_jpeg(desk.folder / "boots" / f"{name}.jpg", 20_000, number)
    (desk.folder / "order.csv").write_text(ORDER)
    [script] = re.findall(r"^```bash\n(.*?)^```", (DOCS / "scripts.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    kept = {"LC_ALL": "C", "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    kept |= {name: os.environ[name] for name in ("ARTUI_HOME", "ARTUI_STUDIO_TOKEN")}

    def run_it() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", script], cwd=desk.folder, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    done = run_it()
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    lines = [json.loads(line) for line in (desk.folder / "events.jsonl").read_text().splitlines()]
    assert (lines[0]["type"], lines[-1]["type"], lines[-1]["exit"]) == ("queued", "end", 0)
    desk("stop")  # an engine that runs has the key still
    kept["ARTUI_STUDIO_TOKEN"] = "no-such-key"
    assert "sign in: artui login studio" in run_it().stdout


def test_every_anchor_of_a_link_is_a_heading() -> None:
    def anchors(page: Path) -> set[str]:
        titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    for page in (README, *DOCS.rglob("*.md")):
        for target, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", page.read_text("utf-8")):
            assert anchor in anchors((page.parent / target) if target else page), (page.name, target, anchor)


SETTINGS = [
    (page.name, block)
    for page in DOCS.rglob("*.md")
    for block in re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize(("page", "block"), SETTINGS, ids=[page for page, _ in SETTINGS])
def test_settings_on_a_page_can_be_read(page: str, block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines without a table are an account's, or a rule's; what is set twice shows two ways."""
    if page == "adding.md":
        pytest.skip("its service is the one that the page adds")
    where = paths()
    where.create()
    named = block.replace("accounts.NAME", "accounts.shop")
    others = {name: f'[accounts.{name}]\nprovider = "{service}"\n' for name, service in
              (("studio", "autoretouch"), ("shop", "filestack"), ("portraits", "retouch4me"))}  # fmt: skip
    texts = (
        [named] if "[" in re.sub(r"=.*", "", named) else [f"[accounts.studio]\n{line}" for line in named.splitlines()]
    )
    for text in texts:
        missing = [f"{lines}" for name, lines in others.items() if f"[accounts.{name}]" not in text]
        given = [f"[accounts.{name}]" for name in others if f"[accounts.{name}]" in text]
        for head in given:
            text = text.replace(head, others[head[10:-1]].rstrip(), 1)
        where.config_file.write_text("\n".join([*missing, text]))
        config = load(where, {})
        for account in config.accounts.values():
            if account.provider != "filestack":
                providers.settings(providers.load(account.provider), account)
