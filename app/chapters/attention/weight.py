"""What the beat about one weight says, and what it offers to try."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app import choices, state
from app.beats import Try
from app.chapters.attention import closer, views
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, fixed, percent, significant

QUERY_AND_KEY = "In each head a token has a query, for what it looks for, and a key, by which later tokens find it. "
NEARLY_EVEN = 2.0  # times an even share: below it, no key stands out


def says(here: Here) -> str:
    """What is looked at, in this row's numbers."""
    return {"row": _row, "made": _made, "entropy": _entropy}[state.chosen(choices.ATTENTION_LOOK)](here)


def _row(here: Here) -> str:
    query, found = here.position, closer.one_query(here)
    token, fit, weights = code(here.tokens[query]), found.scaled[0, 0], found.pattern[0, 0]
    if query == 0:
        return f"{token} is the first token and can attend only to itself. Softmax of a single score is 100 %, whatever the score is."
    best, second = (int(key) for key in np.argsort(-fit[: query + 1], kind="stable")[:2])
    named = [code(here.tokens[key]) if key != query else "itself" for key in (best, second)]
    lead = float(fit[best] - fit[second])
    top = percent(float(weights[best]))
    if weights[best] * (query + 1) < NEARLY_EVEN:
        low, high = (significant(float(each)) for each in (fit[: query + 1].min(), fit[best]))
        return (
            f"{QUERY_AND_KEY}The query of {token} fits all {query + 1} keys about as well: the scores run from {low} to {high}. So softmax "
            f"spreads the weight, and no token gets more than **{top}**."
        )
    said = (
        f"{QUERY_AND_KEY}The query of {token} fits the key of {named[0]} best, with a score of {significant(float(fit[best]))}; next is "
        f"{named[1]} with {significant(float(fit[second]))}. Softmax turns this lead of {significant(lead, 2)} into weights of **{top}** and "
        f"{percent(float(weights[second]))}."
    )
    later = int(fit[query + 1 :].argmax()) + query + 1 if query + 1 < len(here.ids) else query
    if fit[later] > fit[best]:
        said += f" The later {code(here.tokens[later])} would fit better still, with {significant(float(fit[later]))}, but it is masked."
    return said


def _made(here: Here) -> str:
    part = state.chosen(choices.ATTENTION_MADE)
    found = views.projection(here.trace, here.layer, here.head, here.position, part)
    n_in, n_out = found.weight.shape
    what = {
        "query": "it says what this head looks for from here",
        "key": "later tokens compare their queries with it",
        "value": "tokens that attend to this one take it, each times its weight",
    }[part]
    return (
        f"The {counted(n_in, 'number')} of {code(here.tokens[here.position])} after LayerNorm, times a matrix that was learned in "
        f"training, make {counted(n_out, 'number')}: the **{part}** of this head; {what}."
    )


def _entropy(here: Here) -> str:
    bits = views.entropies(here.trace.attention(here.layer, (here.position,)))
    narrow, wide = int(bits.argmin()), int(bits.argmax())
    seen = counted(here.position + 1, "token")
    if here.position == 0:
        return f"{code(here.tokens[0])} is the first token: every head gives it all of its weight, and the entropy is 0 bits."
    if len(bits) == 1:
        return f"The only head of layer {here.layer} spreads its weight over {seen} as evenly as over **{fixed(2 ** float(bits[0]), 1)}**."
    return (
        f"From {code(here.tokens[here.position])}, head {narrow} of layer {here.layer} is the most certain: its weights are spread as over "
        f"**{fixed(2 ** float(bits[narrow]), 1)}** equal tokens. Head {wide} spreads them as over **{fixed(2 ** float(bits[wide]), 1)}**, of "
        f"{seen} in all."
    )


def tries(here: Here) -> Sequence[Try]:
    """Other queries, other heads, and the other looks."""
    found, look = [], state.chosen(choices.ATTENTION_LOOK)
    weights = views.rows_at(here.trace, here.position).astype(np.float64)
    bits = -(weights * np.log2(np.where(weights > 0, weights, 1.0))).sum(-1)
    for said, place in (("least", bits.argmax()), ("most", bits.argmin())):
        layer, head = (int(index) for index in np.unravel_index(int(place), bits.shape))
        if here.position and (layer, head) != (here.layer, here.head):
            found.append(
                Try(f"The head that is {said} certain from here: layer {layer}, head {head}", {"layer": layer, "head": head})
            )
    if here.position and look == "row":
        found.append(Try("Go to the first token. Where can its weight go?", {"position": 0}))
    if look != "made":
        found.append(Try("Where do q, k and v come from?", shown=((choices.ATTENTION_LOOK, "made"),)))
    if look != "row":
        found.append(Try("Back to the weights, step by step", shown=((choices.ATTENTION_LOOK, "row"),)))
    return found
