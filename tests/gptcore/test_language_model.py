"""LanguageModel, and the names by which the package is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gptcore
from gptcore.checkpoints import load

ROOT = Path(__file__).parents[2]


def test_a_language_model_is_equal_only_to_itself_and_cannot_be_changed(tiny_folder: Path) -> None:
    one, other = load(tiny_folder), load(tiny_folder)
    assert one == one and one != other and len({one, other}) == 2
    with pytest.raises(AttributeError):
        one.name = "another"  # type: ignore[misc]
    assert not one.model.training and not any(parameter.requires_grad for parameter in one.model.parameters())


def test_every_public_name_of_the_package_is_there() -> None:
    assert set(gptcore._HOMES) | {"GPTCoreError"} == set(gptcore.__all__)
    for name in gptcore.__all__:
        assert getattr(gptcore, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        _ = gptcore.laod


@pytest.mark.timeout(400)  # a new Python that loads torch, which a busy machine makes wait
def test_importing_the_package_alone_does_not_load_torch() -> None:
    code = "import sys, gptcore; print('torch' in sys.modules); gptcore.GPTModel; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=380)
    assert (ran.stdout, ran.stderr) == ("False\nTrue\n", "")


@pytest.mark.timeout(400)
def test_loading_does_not_make_torch_import_its_compiler(tiny_folder: Path) -> None:
    """Initial values on the meta device would: a second, and 70 MB that stay."""
    code = f"import sys, gptcore; gptcore.load({str(tiny_folder)!r}); print({{'sympy', 'torch._dynamo'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=380)
    assert (ran.stdout, ran.stderr) == ("set()\n", "")
