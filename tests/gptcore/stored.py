"""What the tests of the store look at: what is kept, and how large it is."""

from __future__ import annotations

import hashlib

import numpy as np

from gptcore import store as store_module
from gptcore.config import GPTConfig
from gptcore.model import GPTModel
from gptcore.trace import Trace

MEDIUM = GPTConfig(vocab_size=61, context_length=80, emb_dim=12, n_heads=2, n_layers=3, drop_rate=0.0, qkv_bias=True)


def rows(trace: Trace) -> list[np.ndarray]:
    """Everything that is kept of a trace."""
    layers = range(trace.config.n_layers)
    return [trace.resid(layer) for layer in range(trace.config.n_layers + 1)] + [f(n) for f in (trace.k, trace.v) for n in layers]


def digest(trace: Trace) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in rows(trace))).hexdigest()


def assert_same(found: Trace, expected: Trace) -> None:
    """Kept rows and logits agree within 1e-5 of the largest number."""
    assert found.ids == expected.ids
    for a, b in zip([*rows(found), found.logits], [*rows(expected), expected.logits], strict=True):
        assert a.shape == b.shape
        assert float(abs(a - b).max()) <= 1e-5 * float(abs(b).max())


def bytes_of(model: GPTModel, buffers: int, capacity: int) -> int:
    """A limit that holds so many buffers of a capacity, and the share for logits."""
    one = store_module.Buffer(model, capacity).n_bytes
    return buffers * one * 8 // 7 + 8
