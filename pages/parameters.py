"""Where do the parameters sit, and what do they cost?

Reads: the loaded model's configuration and weights; any other configuration from the controls.
Shows: parameters by block and component (areas in proportion); histogram of one tensor (value against how many numbers); bytes of
the weights and of the K/V cache; work a token (GFLOP) and what attention adds to it (%) over the tokens of a pass; all of it for
a configuration of one's own.
"""

from app import choices, runtime, ui
from app.chapters.parameters.parts import PARTS
from app.chapters.parameters.views import components
from app.writing.numbers import in_words, percent
from gptcore import parameters

here = runtime.here()
tied = here.model.tied
shares = components(here.config, tied).set_index("component").share
head = "" if tied else f", {percent(shares[parameters.OUTPUT_HEAD])} in an output head of its own"
ui.page_header(
    ui.WHOLE,
    "Where do the parameters sit, and what do they cost?",
    f"{here.model.name} has {in_words(parameters.count_parameters(here.config, tied))} parameters: "
    f"{percent(shares[parameters.FEED_FORWARD])} of them in the feed-forward networks, "
    f"{percent(shares[parameters.ATTENTION])} in attention, "
    f"{percent(shares[parameters.TOKEN_EMBEDDING])} in the table of tokens{head}. Change any key of the configuration and see what follows.",
)
ui.parts(choices.PARAMETERS_PART, PARTS, here)
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
