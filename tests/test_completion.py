"""What shells offer: names from the settings and the journal, quoted as the shell needs them."""

from __future__ import annotations

import subprocess

import pytest

from tests.desk import Desk


def test_names_are_offered_from_settings_and_journal_and_the_script_is_one_of_the_shell(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = desk("completion", "bash").out
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=True).returncode == 0
    assert "artui" in desk("completion", "zsh").out
    assert "artui" in desk("completion", "fish").out
    desk("workflows")
    desk.photo()
    desk.send("--batch", "aw 26")

    def offered(shell: str, *words: str) -> list[str]:
        monkeypatch.setenv("_ARTUI_COMPLETE", f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(("artui", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        said = desk().out
        monkeypatch.delenv("_ARTUI_COMPLETE")
        return said.splitlines()

    assert offered("bash", "balance", "-a", "") == ["plain,studio"]
    assert r"plain,Background\ Removal" in offered("bash", "submit", "-w", "back")
    assert "Background Removal" in offered("zsh", "submit", "-w", "back")
    assert r"plain,aw\ 26" in offered("bash", "jobs", "--batch", "a")
    assert "plain,credits" in offered("bash", "jobs", "--reason", "cr")
    assert offered("bash", "pause", "--rule", "") == [""]
    assert offered("bash", "sheet", "a") == [r"plain,aw\ 26"]
    assert offered("bash", "reject", "") == offered("bash", "fetch", "") == ["plain,1"]
    assert offered("zsh", "job", "") == ["plain", "1", "boot.jpg: done"]
    assert offered("bash", "retry", "") == [""], "it is done"
    assert desk("jobs", "--json").code == 0, "and nothing was left that a later command would trip over"
