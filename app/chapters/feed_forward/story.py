"""What the beats of the feed-forward page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app import choices, standouts, state
from app.activation_names import name
from app.beats import Question, Try, listed
from app.chapters.feed_forward import sections, views
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, percent, significant
from gptcore import lessons

MOST_NAMED = 2  # tokens a neuron
FEW = 0.1  # of all neurons: as few are worth a word


def says_steps(here: Here) -> str:
    """What the network is for, and how few neurons carry half of what it does here."""
    found = sections.seen(here)
    wide = found.mlp_pre.shape[1]
    few = views.carriers(found)
    found_little = "Few find anything: for" if few < FEW * wide else "For"
    return (
        f"Attention fetches from earlier tokens; feed-forward then works on each token alone. In each of its {wide:,} neurons it looks for something "
        f"in the token's vector, and adds something to the vector where it finds that. {found_little} {code(here.tokens[here.position])} in layer "
        f"{here.layer}, **{counted(few, 'neuron')}** of {wide:,} {'carries' if few == 1 else 'carry'} half of what leaves them."
    )


def try_steps(here: Here) -> Sequence[Try]:
    """Other layers and another token."""
    tries: list[Try] = []
    n_layers = here.config.n_layers
    sparse = standouts.sparsest(here)["layer"]
    for layer, said in (
        (sparse, f"Layer {sparse}, where the fewest neurons carry half"),
        (0, "Layer 0. Are there as few?"),
        (n_layers - 1, "The last layer"),
    ):
        if layer != here.layer and all(each.change.get("layer") != layer for each in tries):
            tries.append(Try(said, {"layer": layer}))
    if len(here.ids) > 1:
        other = here.position - 1 if here.position else 1
        tries.append(
            Try(
                f"Another token, {code(here.tokens[other])}. The same neurons?",
                here.cursor_on(other),
            )
        )
    return tries[:3]


def says_activations(here: Here) -> str:
    """How many neurons are negative, and what GELU makes of them."""
    found = views.silenced(sections.seen(here))
    if not found.negative:
        return f"None of the {found.neurons:,} neurons is negative at {code(here.tokens[here.position])}: a ReLU would change nothing here."
    return (
        f"At {code(here.tokens[here.position])}, **{percent(found.negative / found.neurons)}** of the {found.neurons:,} neurons of layer "
        f"{here.layer} are negative: they have not found what they look for. The activation function, GELU, all but silences them; what it lets "
        f"through is {percent(found.passed)} of its total output, and the simpler ReLU would let nothing through."
    )


def try_activations(here: Here) -> Sequence[Try]:
    """Other layers."""
    n_layers = here.config.n_layers
    tries = [
        Try(said, {"layer": layer})
        for layer, said in (
            (0, "Layer 0. Is it as quiet?"),
            (n_layers // 2, f"Layer {n_layers // 2}, halfway up"),
            (n_layers - 1, "The last layer"),
        )
        if layer != here.layer
    ]
    return [*tries[:2], Try("Why GELU and not ReLU? See both curves", shown=((choices.FEED_FORWARD_PART, "functions"),))]


def says_functions(here: Here) -> str:
    """Value and slope of GELU and ReLU at the x that is marked."""
    x = float(state.chosen(choices.FUNCTIONS_X))
    (gelu, gelu_slope), (relu, relu_slope) = (
        (float(value[0]), float(slope[0]))
        for value, slope in (lessons.value_and_slope(each, np.array([x])) for each in ("gelu_tanh", "relu"))
    )
    said = (
        f"At x = {significant(x)}, GELU gives **{significant(gelu)}** with slope {significant(gelu_slope)}; ReLU gives **{significant(relu)}** with "
        f"slope {significant(relu_slope)}."
    )
    if x < 0:
        return f"{said} A slope of 0 means that a neuron there learns nothing: ReLU has it for every negative x."
    return f"{said} For large x the two are the same; they differ below 0."


def try_functions(here: Here) -> Sequence[Try]:
    """Another x, and the functions of newer models."""
    x, tries = state.chosen(choices.FUNCTIONS_X), []
    for value, said in (
        (-3.0, "x = −3: is there any slope left?"),
        (2.0, "x = 2: do they still differ?"),
        (-0.75, "x = −0.75, near GELU's lowest point"),
    ):
        if value != x:
            tries.append(Try(said, shown=((choices.FUNCTIONS_X, value),)))
    wanted = ["gelu_tanh", "relu", "silu", "swiglu"]
    drawn: list[str] = state.chosen(choices.FUNCTIONS)
    if not set(wanted) <= set(drawn):
        return [*tries[:2], Try(f"Draw {name('silu')} and {name('swiglu')} as well", shown=((choices.FUNCTIONS, wanted),))]
    return tries


def says_neurons(here: Here) -> str:
    """The neuron that writes most, and the tokens that it raises and lowers most."""
    table = views.strongest(here.trace, here.layer, here.position, sections.seen(here)).table
    lines = table[table["neuron"] == table["neuron"].iloc[0]]
    promotes, suppresses = (
        listed(
            [
                code(here.model.tokenizer.text_of(token))
                for token in lines[lines["direction"] == direction]["token_id"].head(MOST_NAMED)
            ]
        )
        for direction in ("promotes", "suppresses")
    )
    return (
        f"At {code(here.tokens[here.position])}, neuron **{int(lines['neuron'].iloc[0])}** of layer {here.layer} writes most, a vector with norm "
        f"**{significant(float(lines['written'].iloc[0]))}**. By itself it raises {promotes} most, and lowers {suppresses}."
    )


def try_neurons(here: Here) -> Sequence[Try]:
    """Other layers and another token."""
    n_layers = here.config.n_layers
    tries = [
        Try(said, {"layer": layer})
        for layer, said in (
            (n_layers - 1, "The last layer, nearest to the output"),
            (n_layers // 2, f"Layer {n_layers // 2}, halfway up"),
            (0, "Layer 0"),
        )
        if layer != here.layer
    ]
    if len(here.ids) > 1:
        other = here.position - 1 if here.position else 1
        tries = [
            *tries[:2],
            Try(
                f"Another token, {code(here.tokens[other])}. The same neurons?",
                here.cursor_on(other),
            ),
        ]
    return tries[:3]


def _between_tokens(here: Here) -> str:
    return (
        f"No. The network gets the {here.config.emb_dim:,} numbers of one token and nothing else, so what stands around "
        f"{code(here.tokens[here.position])} reaches it only by what attention has added to them."
    )


def _how_many(here: Here) -> str:
    steps = views.steps(here.config.emb_dim)
    network = int((steps["weights"] + steps["biases"]).sum())
    per_block = 4 * here.config.emb_dim**2
    return (
        f"The feed-forward network: {network:,} parameters per block, about twice the {per_block:,} weights of its attention. Times "
        f"{counted(here.config.n_layers, 'layer')}, that is {network * here.config.n_layers:,}."
    )


def _without_gelu(here: Here) -> str:
    x = float(state.chosen(choices.FUNCTIONS_X))
    value = float(lessons.value_and_slope("gelu_tanh", np.array([x]))[0][0])
    return (
        f"Not much: two linear layers in a row are one linear layer, so expanding would gain nothing. GELU makes the difference, as it gives "
        f"{significant(value)} for {significant(x)}, where a linear function would give a fixed multiple."
    )


QUESTIONS = (
    Question("Does the feed-forward network look at other tokens?", _between_tokens),
    Question("Which has more parameters, attention or the feed-forward network?", _how_many),
    Question("What would the network be without GELU?", _without_gelu),
)
