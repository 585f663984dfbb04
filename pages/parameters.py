"""Where do the parameters sit, and what do they cost?

Reads: the loaded model's configuration and weights; any other configuration from the controls.
Shows: parameters by block and component (areas in proportion); histogram of one tensor (value against how many numbers); bytes of
the weights and of the K/V cache; work a token (GFLOP) and what attention adds to it (%) over the tokens of a pass; all of it for
a configuration of one's own.
"""

from app import choices, runtime, ui
from app.chapters.parameters import controls as config_controls
from app.chapters.parameters import sections
from app.chapters.parameters import weights as weight_sections
from app.chapters.parameters.views import components
from app.writing import markup
from app.writing.quantities import in_words
from gptcore import parameters

PARTS = {
    "where": "Where they sit",
    "weights": "The loaded weights",
    "memory": "Memory",
    "work": "Work a token",
    "configuration": "Any configuration",
}

here = runtime.here()
tied = here.model.tied
shares = components(here.config, tied).set_index("component").share
head = "" if tied else f", {markup.percent(shares[parameters.OUTPUT_HEAD])} in an output head of its own"
ui.page_header(
    ui.WHOLE,
    "Where do the parameters sit, and what do they cost?",
    f"{here.model.name} has {in_words(parameters.count_parameters(here.config, tied))} parameters: "
    f"{markup.percent(shares[parameters.FEED_FORWARD])} of them in the feed-forward networks, "
    f"{markup.percent(shares[parameters.ATTENTION])} in attention, "
    f"{markup.percent(shares[parameters.TOKEN_EMBEDDING])} in the table of tokens{head}. Change any key of the configuration and see what follows.",
)
part = ui.parts(choices.PARAMETERS_PART, PARTS)
if part == "weights":
    weight_sections.loaded_weights(here)
else:
    config_controls.preset(here)
    if part == "configuration":
        sections.what_follows(config_controls.controls(here), here)
    else:
        drawn = {"where": sections.where, "memory": sections.memory, "work": sections.work}
        drawn[part](config_controls.counted(here), here)
ui.terms(
    "parameter",
    "weight tying",
    "embedding",
    "feed-forward network",
    "attention head",
    "K/V cache",
    "FLOP",
    "MB and MiB",
    "float32, float16, int8",
)
