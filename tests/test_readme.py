"""The README promises commands, files and code: they are there, and the code runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


@pytest.mark.skipif(
    shutil.which("make") is None, reason="make is not on this machine; the same commands stand in the README by hand"
)
@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", "\n".join(blocks("sh")), re.M))
def test_make_knows_every_target_that_the_readme_names(target):
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_readme_names_the_two_commands():
    assert {"run", "test"} <= set(re.findall(r"^make (\w+)", "\n".join(blocks("sh")), re.M))


def test_what_is_installed_by_hand_is_what_make_installs():
    for name in re.findall(r"pip install -r (\S+)", README):
        assert (ROOT / name).is_file()
        assert f"-r {name}" in (ROOT / "Makefile").read_text("utf-8")


def test_every_file_and_folder_that_the_readme_links_or_lists_is_there():
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", README) + re.findall(r"^\| `([^`]+)` \|", README, re.M)
    assert len(linked) > 6
    assert not [name for name in linked if not (ROOT / name).exists()]


@pytest.mark.parametrize("code", blocks("python"))
def test_the_code_in_the_readme_runs(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 40
