"""What changed from GPT-2 to GPT-3?

Reads: the configurations of the published models and of the loaded one.
Shows: each size as dots (logarithmic); bytes in memory for running and for training, against cards of 8, 24 and 80 GB
(logarithmic); the operations and the years of GPT-3's training.
"""

from app import choices, runtime, ui
from app.chapters.scale.parts import PARTS
from app.writing.numbers import significant
from gptcore.config import GPT2_SMALL, GPT3_175B
from gptcore.parameters import count_parameters

here = runtime.here()
times = count_parameters(GPT3_175B) / count_parameters(GPT2_SMALL)
ui.page_header(
    ui.WHOLE,
    "What changed from GPT-2 to GPT-3?",
    f"Almost only the size. The blocks are the same, but there are more of them, and each is wider: GPT-3 has {significant(times)} times the "
    "parameters of GPT-2 small. One thing is new: its layers alternate dense attention, where a token sees all before it, with "
    "banded sparse attention, where it sees only some.",
)
ui.parts(choices.SCALE_PART, PARTS, here)
ui.terms(
    "parameter",
    "context length",
    "attention head",
    "K/V cache",
    "FLOP",
    "float32, float16, int8",
    "optimiser",
    "gradient",
    "activations",
    "V100",
)
