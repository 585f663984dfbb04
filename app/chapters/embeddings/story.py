"""What the beats of the embeddings page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app import interventions
from app.beats import Question, Try, listed
from app.chapters.embeddings import views
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, percent, significant

ALIKE = 0.5  # a cosine above it: an angle below 60 degrees


def _token(here: Here) -> str:
    return code(here.tokens[here.position])


def _lengths(here: Here) -> tuple[float, float]:
    found = views.entering(here.trace, here.position)
    return tuple(float(np.linalg.norm(row.astype(np.float64))) for row in (found.token_row, found.position_row))  # type: ignore[return-value]


def says_sum(here: Here) -> str:
    """Which rows are added, and which of them is the longer."""
    found = views.entering(here.trace, here.position)
    of_token, of_position = _lengths(here)
    said = (
        f"The number {here.ids[here.position]:,} is looked up: {_token(here)} becomes a row of {counted(len(found.resid), 'number')}, and the "
        f"row that stands for position {here.position} is added."
    )
    if found.is_patched:
        return f"{said} Here, another text's sum was put in its place."
    if interventions.is_off(here.run.intervention, "position_embedding"):
        return f"{said} The position embedding is off: one row stands in for all positions, so the model cannot tell them apart."
    ratio = significant(max(of_token, of_position) / max(min(of_token, of_position), 1e-9), 2)
    longer, shorter, so = (
        ("token", "position", "which token it is") if of_token >= of_position else ("position", "token", "where it stands")
    )
    return (
        f"{said} A row has a length, as an arrow has, and the longer one counts for more: the {longer}'s row is **{ratio} times** as long as "
        f"the {shorter}'s, so the sum says mostly {so}."
    )


def try_sum(here: Here) -> Sequence[Try]:
    """The first position, and the same token elsewhere."""
    tries, last = [], len(here.ids) - 1
    if here.position:
        tries.append(Try(f"Go to the first token, {code(here.tokens[0])}. Which row is longer there?", {"position": 0}))
    twin = next((i for i, token in enumerate(here.ids) if token == here.ids[here.position] and i != here.position), None)
    if twin is not None:
        tries.append(Try(f"The same token at position {twin}: what differs?", {"position": twin}))
    if here.position != last:
        tries.append(Try(f"Go to the newest token, {code(here.tokens[last])}", {"position": None}))
    middle = last // 2
    if len(tries) < 2 and middle not in (here.position, 0, last):
        tries.append(Try(f"Another token, {code(here.tokens[middle])}: other colours?", {"position": middle}))
    return tries


def says_similar(here: Here) -> str:
    """The nearest row, and how far it stands out."""
    found = views.neighbours(here)[here.ids[here.position]]
    near = [code(here.model.tokenizer.text_of(int(i))) for i in found.ids[:3]]
    cosine = float(found.cosine[0])
    then = f", then {listed(near[1:])}" if len(near) > 1 else ""
    direction = "so both point mostly the same way" if cosine > ALIKE else "so even this row points mostly elsewhere"
    return (
        f"Of {counted(here.config.vocab_size, 'token')}, the row of {near[0]} is most like that of {_token(here)}{then}. The first has a cosine "
        f"of **{significant(cosine)}**, {direction}."
    )


def try_similar(here: Here) -> Sequence[Try]:
    """Tokens of the text with the closest and the least close relative."""
    found = views.neighbours(here)
    away = {i: (float(near.cosine[0]) - near.others_mean) / max(near.others_std, 1e-9) for i, near in found.items()}
    tries = []
    for said, best in (("closest", max), ("least close", min)):
        token = best(away, key=away.__getitem__)
        at = max(i for i, each in enumerate(here.ids) if each == token)
        if token != here.ids[here.position]:
            label = f"The token of this text that has the {said} relatives: {code(here.tokens[at])}"
            tries.append(Try(label, here.cursor_on(at)))
    if here.position and len(tries) < 2:
        tries.append(Try(f"And of the first token, {code(here.tokens[0])}?", {"position": 0}))
    return tries


def says_positions(here: Here) -> str:
    """Whether near positions are alike and far ones are not."""
    similarity = views.position_similarity(here.model.identity).astype(np.float64)
    n = len(similarity)
    if n < 3:
        return f"The table has {counted(n, 'position')}: too few to compare near ones with far ones."
    near = float(np.diagonal(similarity, 1).mean())
    far = float(np.diagonal(similarity, n // 2).mean())
    said = (
        "The row of its position is how the model tells “the dog bites the man” from “the man bites the dog”, whose words are the same. "
        f"Over all {n:,} positions, neighbours have a mean cosine of **{significant(near)}**, and positions {n // 2} apart "
        f"**{significant(far)}**."
    )
    if near > far + 0.2:
        return f"{said} Nobody built that in: the model has learned which places are near each other."
    return (
        f"{said} So near positions are not more alike than far ones: this model has not learned an order of places in these rows."
    )


def try_positions(here: Here) -> Sequence[Try]:
    """The ends and the middle of the text."""
    last = len(here.ids) - 1
    places = {
        0: f"Position 0, where {code(here.tokens[0])} stands: is it like its neighbours?",
        last: f"Position {last}, the newest",
    }
    if last > 1:
        places[last // 2] = f"Position {last // 2}, in the middle of the text"
    return [
        Try(said, here.cursor_on(at)) for at, said in places.items() if at != here.position
    ]  # fmt: skip


def says_lengths(here: Here) -> str:
    """Typical lengths of both tables."""
    of_tokens, of_positions = (lengths.astype(np.float64) for lengths in views.lengths(here.model.identity))
    mean, places, longest = float(of_tokens.mean()), float(of_positions.mean()), int(of_positions.argmax())
    compared = "longer" if mean > places else "shorter"
    return (
        "A token's row and its position's are added, so the longer of the two decides more of the sum. "
        f"Over the whole table, the rows of {counted(len(of_tokens), 'token')} have a mean length of **{significant(mean)}**, {compared} than the "
        f"{significant(places)} of the {counted(len(of_positions), 'position')}. The longest position row is that of position {longest}, with "
        f"{significant(float(of_positions[longest]))}."
    )


def says_plane(here: Here) -> str:
    """How much of the spread the picture keeps."""
    drawn = views.plane(here)
    kept = sum(drawn.kept)
    said = (
        f"Each token is a point in {counted(here.config.emb_dim, 'dimension')}. This plane keeps **{percent(kept)}** of the spread of the "
        f"{counted(len(drawn.table), 'row')} that are drawn"
    )
    if kept > 0.5:
        return f"{said}: more than half, so what is near here is mostly near in the table, too."
    return (
        f"{said}: less than half. Believe the distances that you see, but not the nearness: what lies far apart here is at least as far "
        "apart in truth, while points that look near may differ in the directions that are not drawn."
    )


def try_plane(here: Here) -> Sequence[Try]:
    """Another token in the middle of the picture."""
    return [each for each in (*try_similar(here), *try_sum(here)) if each.change][:3]


def _same_row(here: Here) -> str:
    twins = [token for token in dict.fromkeys(here.ids) if here.ids.count(token) > 1]
    if not twins:
        where = f"In this text no token stands twice, but wherever {_token(here)} stands"
    else:
        where = (
            f"In this text {code(here.model.tokenizer.text_of(twins[0]))} stands {here.ids.count(twins[0])} times, and each time"
        )
    return (
        f"Yes. {where}, the same row of the table is looked up. Only the position's row, and later what attention brings, tell one place "
        "from the other."
    )


def _understands(here: Here) -> str:
    found = views.neighbours(here)[here.ids[here.position]]
    near = code(here.model.tokenizer.text_of(int(found.ids[0])))
    return (
        f"Numbers: each token is a row of {counted(here.config.emb_dim, 'number')}, and all that the model does is to calculate with such rows. "
        f"But the numbers were learned from texts in which people used the words, and so they say how a word is used: nearest to "
        f"{_token(here)} is {near}, of {counted(here.config.vocab_size, 'token')}. Whether that is understanding, the numbers do not decide."
    )


def _how_many(here: Here) -> str:
    c = here.config
    tokens, positions = c.vocab_size * c.emb_dim, c.context_length * c.emb_dim
    return (
        f"{c.vocab_size:,} tokens times {c.emb_dim:,} numbers make {tokens:,}, and {c.context_length:,} positions times {c.emb_dim:,} make "
        f"{positions:,}. For a text of {counted(len(here.ids), 'token')}, {counted(len(set(here.ids)), 'row')} of the first table and "
        f"{len(here.ids):,} of the second are read."
    )


QUESTIONS = (
    Question("Does the model understand words, or are they just numbers to it?", _understands),
    Question("Does a word have the same row wherever it stands?", _same_row),
    Question("How many numbers are in the two tables, and how many does this text use?", _how_many),
)
