"""gptcore: GPT-2 from scratch, and everything it does on the way to the next token.

    import gptcore
    model = gptcore.load("storyteller")
    trace = model.trace(model.tokenizer.encode("Once upon a time"))

Each name below is imported when it is first used, so `import gptcore` alone does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gptcore.errors import GPTCoreError

if TYPE_CHECKING:
    from gptcore.attribution import LogitAttribution, logit_attribution, neuron_attribution
    from gptcore.branching import beam_search, branches
    from gptcore.checkpoints import (
        Availability,
        CatalogueEntry,
        availability,
        catalogue,
        download,
        is_local,
        load,
        load_model,
        save_model,
    )
    from gptcore.config import GPTConfig
    from gptcore.effects import head_effects, part_effects
    from gptcore.generation import Step, generate, prompt_ids
    from gptcore.input_effects import token_effects, what_if
    from gptcore.language_model import LanguageModel
    from gptcore.model import GPTModel
    from gptcore.patching import LogitDifference, align, patch_heads, patch_map
    from gptcore.run import Ablation, Intervention, Patch, Run, read_intervention, write_intervention
    from gptcore.sampling import SamplingSettings, candidates, select
    from gptcore.store import TraceStore
    from gptcore.tokenizer import Tokenizer
    from gptcore.trace import Trace

__all__ = [
    "Ablation",
    "Availability",
    "CatalogueEntry",
    "GPTConfig",
    "GPTCoreError",
    "GPTModel",
    "Intervention",
    "LanguageModel",
    "LogitAttribution",
    "LogitDifference",
    "Patch",
    "Run",
    "SamplingSettings",
    "Step",
    "Tokenizer",
    "Trace",
    "TraceStore",
    "align",
    "availability",
    "beam_search",
    "branches",
    "candidates",
    "catalogue",
    "download",
    "generate",
    "head_effects",
    "is_local",
    "load",
    "load_model",
    "logit_attribution",
    "neuron_attribution",
    "part_effects",
    "patch_heads",
    "patch_map",
    "prompt_ids",
    "read_intervention",
    "save_model",
    "select",
    "token_effects",
    "what_if",
    "write_intervention",
]

_MODULES = {
    "input_effects": ("token_effects", "what_if"),
    "patching": ("LogitDifference", "align", "patch_heads", "patch_map"),
    "effects": ("head_effects", "part_effects"),
    "branching": ("beam_search", "branches"),
    "attribution": ("LogitAttribution", "logit_attribution", "neuron_attribution"),
    "checkpoints": (
        "Availability",
        "CatalogueEntry",
        "availability",
        "catalogue",
        "download",
        "is_local",
        "load",
        "load_model",
        "save_model",
    ),
    "config": ("GPTConfig",),
    "generation": ("Step", "generate", "prompt_ids"),
    "language_model": ("LanguageModel",),
    "model": ("GPTModel",),
    "run": ("Ablation", "Intervention", "Patch", "Run", "read_intervention", "write_intervention"),
    "sampling": ("SamplingSettings", "candidates", "select"),
    "store": ("TraceStore",),
    "tokenizer": ("Tokenizer",),
    "trace": ("Trace",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gptcore' has no attribute {name!r}")
    return getattr(import_module(f"gptcore.{_HOMES[name]}"), name)
