"""What does the whole model look like?

Reads: the loaded model's configuration, the length of the sequence, the logits at its last position.
Shows: every part from text to next token in one diagram, each with its parameters (count, share in percent) and each arrow with the
shape of what runs along it ([1, tokens, width]); the published sizes beside it.
"""

import numpy as np

from app import counting, runtime, ui
from app.chapters.map import sections, views
from gptcore import parameters
from gptcore.model import GPTModel

here = runtime.here()
tied, n_layers = here.model.tied, here.config.n_layers
logits = here.trace.logits.astype(np.float64)
best = int(logits.argmax())
probability = float(1 / np.exp(logits - logits[best]).sum())

ui.page_header(
    ui.WHOLE,
    "What does the whole model look like?",
    f"Text becomes rows of numbers. {n_layers} blocks of the same build read them and add to them, one after the other. The last row is "
    "turned into a probability for every token. Open any box to look inside.",
)
found = views.model_map(
    here.config, tied, len(here.ids), sections.shortened("".join(here.tokens)),
    sections.shortened(here.model.tokenizer.text_of(best), 14), probability,
)  # fmt: skip
sections.diagram(found)
ui.note(
    "Shapes are those of this text, with a batch of 1 in front: [batch, tokens, width]; attention weights are "
    "[batch, heads, reading token, token read]. Bars: share of all parameters."
)
sections.count(found)
drawn = views.shapes(here.config, len(here.ids))
ui.self_check([views.shape_check(here.trace, drawn), counting.numbers_counted(here)])
ui.source(GPTModel, parameters.component_counts)
sections.shared_and_grown(here.model.name, here.config, tied)
ui.terms(
    "token",
    "embedding",
    "residual stream",
    "transformer block",
    "shortcut connection",
    "output head",
    "weight tying",
    "parameter",
)
