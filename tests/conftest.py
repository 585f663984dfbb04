"""What all tests share: shapes are checked while they run, nothing is downloaded, and a tiny model is at hand."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before anything of Hugging Face is imported: what is not on this machine does not exist.
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import pytest
import streamlit.components.v2.manifest_scanner as installed_components
import torch
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    from gptcore.checkpoints import LanguageModel
    from gptcore.model import GPTModel
    from gptcore.tokenizer import Tokenizer

ROOT = Path(__file__).parents[1]

# From here on every module of gptcore checks its annotations, shapes included, at every call.
install_import_hook("gptcore", "beartype.beartype")

# Tiny models gain nothing from a second thread, and lose a hundredfold where another program has taken the second core.
torch.set_num_threads(1)

# AppTest looks through every installed package for components with each page that it opens; what is installed stays the same.
installed_components.scan_component_manifests = cache(installed_components.scan_component_manifests)

pytest.register_assert_rewrite("tests.browser.visit")

LOOPBACK = {"127.0.0.1", "::1", "localhost", "0.0.0.0", "::", ""}
TINY_TEXT = "Once upon a time there was a little cat, and the cat had a hat. The hat was on the cat, and the cat was on the mat. "


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What measures time runs when it is asked for by name, alone: another program beside it would decide what it finds."""
    if "timing" not in config.getoption("markexpr"):
        config.hook.pytest_deselected(items=[item for item in items if "timing" in item.keywords])
        items[:] = [item for item in items if "timing" not in item.keywords]
    items[:] = dealt(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def dealt(items: list[pytest.Item], hands: int) -> list[pytest.Item]:
    """The tests so that each of `hands` processes, which begin with as many tests each, has as much of what takes long, and has it first:
    at the end none works alone. What is light stays together with the rest of its file."""
    slow, browser, light = [], [], []
    for item in items:
        (slow if "slow" in item.keywords else browser if "browser" in item.keywords else light).append(item)
    heavy, size = slow + browser, -(-len(light) // hands)
    return [item for n in range(hands) for item in (*heavy[n::hands], *light[n * size : (n + 1) * size])]


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """A test that reaches for another machine fails at once, and says where it wanted to go."""

    def guarded(connect: Any) -> Any:
        def only_here(self: socket.socket, address: Any) -> Any:
            if self.family != getattr(socket, "AF_UNIX", None) and str(address[0]) not in LOOPBACK:
                raise PermissionError(f"Tests do without the network, and this one wanted {address[0]}:{address[1]}.")
            return connect(self, address)

        return only_here

    def resolve_only_here(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and name not in LOOPBACK:
            raise PermissionError(f"Tests do without the network, and this one looked for {name}.")
        return resolve(host, *args, **kwargs)

    resolve = socket.getaddrinfo
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", resolve_only_here)
        yield


@pytest.fixture
def faults_logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the app logs from now on. A test that asks for it may make the app fail; in any other a fault of the app fails the test."""
    if (log := sys.modules.get("app.log")) is None:  # no test of this run has to do with the app
        yield []
        return
    lines: list[str] = []
    log.forget()
    monkeypatch.setattr(log._logger, "error", lines.append)
    yield lines


@pytest.fixture(autouse=True)
def _no_fault_is_swallowed(request: pytest.FixtureRequest) -> Iterator[None]:
    expected = "faults_logged" in request.fixturenames
    lines = request.getfixturevalue("faults_logged")
    yield
    assert expected or not [line for line in lines if line.startswith("Fault")], lines


@pytest.fixture(scope="session")
def gpt2_tokenizer() -> Tokenizer:
    """GPT-2's own vocabulary, from a cache of tiktoken's: $TIKTOKEN_CACHE_DIR, or ../shared/tiktoken-cache beside the project."""
    from gptcore.tokenizer import Tokenizer

    cache = Path(os.environ.get("TIKTOKEN_CACHE_DIR") or ROOT.parent / "shared" / "tiktoken-cache")
    if not cache.is_dir() or not any(cache.iterdir()):
        pytest.skip(
            f"GPT-2's vocabulary is not in {cache}; online, tiktoken.get_encoding('gpt2') puts it into $TIKTOKEN_CACHE_DIR"
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
        return Tokenizer.gpt2()


def save_random_model(folder: Path, seed: int, n_heads: int, change: Callable[[GPTModel], None]) -> None:
    """A model folder as `gptcore.load` takes it: 290 tokens, 64 positions, 32 wide, 2 layers, random weights.

    change: what becomes of the weights, without a gradient; its random numbers follow from the seed too.
    """
    from gptcore.checkpoints import save_model
    from gptcore.config import GPTConfig
    from gptcore.model import GPTModel
    from gptcore.training.bpe import train_vocabulary

    train_vocabulary([TINY_TEXT], 290, folder)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = GPTModel(GPTConfig(290, 64, 32, n_heads, 2, 0.0, True))
        with torch.no_grad():
            change(model)
    save_model(model, folder)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of most tests, with 4 heads."""

    def change(model: GPTModel) -> None:
        for name, parameter in model.named_parameters():
            if not name.endswith("embedding.weight"):  # large enough for attention and lens to differ from layer to layer
                parameter.add_(torch.randn_like(parameter) * 0.2)

    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_random_model(folder, 1, 4, change)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Path) -> LanguageModel:
    """The model of `tiny_folder`, loaded. It is shared and immutable, as in the app."""
    from gptcore.checkpoints import load

    return load(str(tiny_folder))
