"""Models side by side -> what the page on scale draws."""

from __future__ import annotations

import pandas as pd

from app.counting import ModelFacts
from app.recent import MB, keeping
from gptcore import parameters
from gptcore.hardware import inference_memory, training_memory
from gptcore.parameters import forward_flops

KEPT = 2 * MB  # of each table, by configuration


@keeping(KEPT)
def scale(models: tuple[ModelFacts, ...]) -> pd.DataFrame:
    """One row a model: what grows and what stays. FLOPs with the head at every position and the whole square, a full context."""
    return pd.DataFrame(
        {
            "model": [m.title for m in models],
            "parameters": [m.n_parameters for m in models],
            "layers": [m.config.n_layers for m in models],
            "width": [m.config.emb_dim for m in models],
            "heads": [m.config.n_heads for m in models],
            "head width": [m.config.head_dim for m in models],
            "context": [m.config.context_length for m in models],
            "vocabulary": [m.config.vocab_size for m in models],
            "cache bytes a token": [parameters.kv_cache_bytes(m.config, 1, "float16") for m in models],
            "FLOPs a token": [forward_flops(m.config, m.config.context_length).total / m.config.context_length for m in models],
            "training tokens": pd.array([m.training_tokens for m in models], dtype="Int64"),
            "weights": [m.weights for m in models],
        }
    )


@keeping(KEPT)
def hardware(models: tuple[ModelFacts, ...], number_type: str, batch_size: int) -> pd.DataFrame:
    """model, purpose ("Running" or "Training"), part (the last of each is "total"), bytes: in memory at once, contexts full."""
    rows = []
    for model in models:
        length = model.config.context_length
        running = inference_memory(model.config, number_type, batch_size, length, model.tied)
        training = training_memory(model.config, batch_size, length, model.tied)
        for purpose, needs in (("Running", running), ("Training", training)):
            rows += [(model.title, purpose, part, size) for part, size in {**vars(needs), "total": needs.total}.items()]
    return pd.DataFrame(rows, columns=["model", "purpose", "part", "bytes"])
