"""Folders with numbers, sizes or files that no model has: refused at loading, at once, and with what is wrong."""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
import time
from pathlib import Path

import pytest
import torch

from gptcore.checkpoints import load, load_model, published_shapes, read_config
from gptcore.errors import CheckpointError
from tests.gptcore.published_models import Tensors, assert_same_logits, reconfigure, rewrite, theirs


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_weights_that_are_not_finite_are_refused_with_each_tensor_and_the_count(tmp_path: Path, dtype: torch.dtype) -> None:
    theirs(tmp_path, dtype)

    def spoil(tensors: Tensors) -> Tensors:
        tensors["transformer.ln_f.weight"][3] = torch.nan
        tensors["transformer.h.1.mlp.c_fc.weight"][0, :7] = torch.inf
        tensors["transformer.h.1.mlp.c_fc.weight"][1, 1] = -torch.inf
        tensors["transformer.wte.weight"][:, 2] = torch.nan
        return tensors

    rewrite(tmp_path, spoil)
    with pytest.raises(CheckpointError, match="not all finite") as refused:
        load_model(tmp_path)
    for told in ("ln_f.weight (1)", "h.1.mlp.c_fc.weight (8)", "wte.weight (61)"):
        assert told in str(refused.value)


def test_numbers_that_leave_the_range_when_they_are_converted_are_refused_too(tmp_path: Path) -> None:
    theirs(tmp_path, torch.float64)
    rewrite(tmp_path, lambda tensors: {n: t.fill_(1e300) if n == "transformer.ln_f.bias" else t for n, t in tensors.items()})
    assert load_model(tmp_path, torch.float64)
    with pytest.raises(CheckpointError, match=r"ln_f\.bias \(15\)"):
        load_model(tmp_path)


def test_masks_that_are_stored_with_the_weights_may_hold_infinities(tmp_path: Path) -> None:
    model = theirs(tmp_path)
    rewrite(tmp_path, lambda tensors: tensors | {"h.0.attn.masked_bias": torch.tensor(-torch.inf)})
    assert_same_logits(model, load_model(tmp_path))


def test_weights_that_are_larger_than_the_memory_are_refused_before_they_are_read(tmp_path: Path) -> None:
    """A sparse file claims a terabyte and takes no room on the disk."""
    theirs(tmp_path)
    vocab_size = 2**34
    reconfigure(tmp_path, vocab_size=vocab_size)
    shapes = published_shapes(read_config(tmp_path)[0], True)
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    said = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(said)) + said)
    os.truncate(path, 8 + len(said) + end)
    began = time.perf_counter()
    with pytest.raises(CheckpointError, match=r"have 1,03\d,\d+,\d+,\d+ bytes; this machine has [\d,]+ bytes of memory"):
        load_model(tmp_path)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.timeout(20)
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    theirs(tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(CheckpointError, match="no regular file"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "vocab.json", "merges.txt", "tokenizer_config.json", "generation_config.json"])
@pytest.mark.parametrize("content", [b'{"a":' * 100_000, b"[" * 100_000, b"\xff", b"", b"\x00" * 100, b"null"])
def test_junk_in_any_file_of_text_is_a_checkpoint_error(tiny_folder: Path, tmp_path: Path, name: str, content: bytes) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "model"))
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError):
        load(folder)
