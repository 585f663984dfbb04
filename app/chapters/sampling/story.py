"""What the beats of the sampling page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app import choices, runtime, state
from app.beats import Question, Try
from app.chapters.sampling import greedy, stops, views
from app.chapters.sampling.controls import first_settings, second_settings
from app.chapters.sampling.views import Given
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, fixed, percent, significant
from gptcore.sampling import SamplingSettings, Selection, select


def _text(rank: int, given: Given) -> str:
    return code(given.texts[rank]) if rank < len(given.texts) else f"the token of rank {rank + 1:,}"


def _chosen(given: Given, settings: SamplingSettings) -> Selection:
    return select(given.candidates, settings, given.position)


def says_greedy(here: Here) -> str:
    """Whether the greedy text repeats itself, how often, and whether each round makes the next likelier."""
    if here.is_full:
        return "The sequence fills the context, so there is no place for another token. A shorter text shows what greedy choice writes."
    written = greedy.text(here)
    many, loop = len(written), views.loop(written)
    if loop is None:
        ended = " Then the model ended its text." if written[-1] in here.model.tokenizer.end_ids else ""
        return (
            f"From here, always taking the likeliest token does not end in an exact circle within {counted(many, 'token')}: "
            f"{len(set(written))} of them are different.{ended}"
        )
    around = "".join(here.model.tokenizer.text_of(token) for token in written[loop.start : loop.start + loop.period])
    said = f"Always taking the likeliest token, the model writes {code(around)} **{loop.length // loop.period} times** within {many} tokens."
    if greedy.is_asked(here):
        drawn = greedy.texts(here)[1]
        return f"{said} The drawn text has **{len(set(drawn))}** different tokens among its {len(drawn)}, the greedy one {len(set(written))}."
    first, last = rounds(here, written, loop)
    if first < last:
        return f"{said} These tokens have {percent(first)} on average in the first round, {percent(last)} in the last."
    return f"{said} The repetition does not make it surer: {percent(first)} on average in the first round, {percent(last)} in the last."


def rounds(here: Here, written: Sequence[int], loop: views.Loop) -> tuple[float, float]:
    """Mean probability of the tokens in the first and in the last whole round."""
    given = runtime.token_probabilities(replace(here.run, ids=(*here.ids, *written)))[len(here.ids) - 1 :]
    last = loop.start + (loop.length // loop.period - 1) * loop.period
    return tuple(float(np.mean(given[start : start + loop.period])) for start in (loop.start, last))  # type: ignore[return-value]


def try_greedy(here: Here) -> Sequence[Try]:
    """The same text drawn, with one setting or another."""
    if here.is_full:
        return []
    settings, tries = second_settings(), []
    asked = greedy.fingerprint(here, settings)
    if not greedy.is_asked(here):
        tries.append(
            Try(
                f"Write {views.WRITTEN} tokens both ways, greedy and drawn. Does chance escape?",
                shown=((choices.SAMPLING_WRITTEN, asked),),
            )
        )
    else:
        other = replace(settings, seed=settings.seed + 1)
        tries.append(
            Try(
                "Draw again with other random numbers",
                {"seed": other.seed},
                ((choices.SAMPLING_WRITTEN, greedy.fingerprint(here, other)),),
            )
        )
    for temperature, said in (
        (0.3, "Draw with temperature 0.3. Is that enough to escape?"),
        (1.5, "Draw with temperature 1.5. Is it still a story?"),
    ):
        if settings.temperature != temperature:
            other = replace(settings, temperature=temperature)
            tries.append(Try(said, {"temperature": temperature}, ((choices.SAMPLING_WRITTEN, greedy.fingerprint(here, other)),)))
    return tries


def says_settings(given: Given) -> str:
    """What setting B makes of the likeliest token, beside setting A, and what it cuts."""
    first, second = _chosen(given, first_settings()), _chosen(given, second_settings())
    size = len(given.candidates.order)
    cut = sum(stage.mass_cut for stage in second.stages)
    said = (
        f"The likeliest token, {_text(0, given)}, is drawn with {percent(float(first.final_probs[0]))} under setting A and "
        f"**{percent(float(second.final_probs[0]))}** under setting B"
    )
    if second.settings.temperature == 0:
        return f"{said}: at temperature 0 there is no chance."
    if second.kept == size:
        return f"{said}, whose temperature is {significant(second.settings.temperature)} and which cuts nothing."
    return f"{said}, which keeps **{second.kept:,}** of {counted(size, 'token')} and cuts {percent(cut)} of the probability."


def try_settings(given: Given) -> Sequence[Try]:
    """One setting at a time."""
    view, tries = state.current(), []
    for name, value, said in (
        ("temperature", 0.3, "Temperature 0.3: sharper. What is left for the others?"),
        ("temperature", 2.0, "Temperature 2: flatter. What gains?"),
        ("top_k", 3, "Top-k 3: only the three likeliest"),
        ("top_p", 0.5, "Top-p 0.5: the fewest that reach one half"),
    ):
        if getattr(view, name) != value:
            tries.append(Try(said, {name: value}))
    return (
        tries[:3]
        if not given.published
        else [*tries[:2], Try("Back to the next token of my text", shown=((choices.SAMPLING_LOGITS, "live"),))]
    )


def says_choices(given: Given) -> str:
    """As how many equally likely tokens the choice is, at both temperatures."""
    first, second = _chosen(given, first_settings()), _chosen(given, second_settings())
    said = (
        f"At temperature {significant(second.settings.temperature)} the choice is as uncertain as among "
        f"**{significant(second.choices)}** equally likely tokens"
    )
    if second.settings.temperature == first.settings.temperature:
        return f"{said}, before any cut."
    return f"{said}; at temperature {significant(first.settings.temperature)}, among {significant(first.choices)}."


def try_choices(given: Given) -> Sequence[Try]:
    """Other temperatures."""
    now = state.current().temperature
    return [
        Try(f"Setting B at temperature {significant(value)}. How many choices are left?", {"temperature": value})
        for value in (0.3, 1.0, 2.0) if value != now
    ][:3]  # fmt: skip


def says_draws(given: Given) -> str:
    """How often the likeliest token was drawn, against its probability."""
    choice = _chosen(given, second_settings())
    count = int(state.chosen(choices.SAMPLING_DRAWS))
    drawn, exact = int((views.draws(choice, count) == 0).sum()), float(choice.final_probs[0])
    error = float(np.sqrt(exact * (1 - exact) / count))
    far = abs(drawn / count - exact)
    how = "as near as chance lets one expect" if far <= 1.96 * error + 1e-12 else "farther off than 19 of 20 such series"
    return (
        f"One random number between 0 and 1 picks one token. In {count:,} draws {_text(0, given)} came **{drawn:,} times**, "
        f"{percent(drawn / count)} against {percent(exact)}: {how}."
    )


def try_draws(given: Given) -> Sequence[Try]:
    """More draws, others, hotter."""
    now, tries = state.chosen(choices.SAMPLING_DRAWS), []
    for count in ("10", "10000"):
        if count != now:
            tries.append(Try(f"{int(count):,} draws. How far off are the shares?", shown=((choices.SAMPLING_DRAWS, count),)))
    seed = state.current().seed
    tries.append(Try("The same with other random numbers", {"seed": seed + 1 if seed < state.MAX_SEED else 0}))
    return tries


def try_stops(here: Here) -> Sequence[Try]:
    """The other ends."""
    said = {
        "count": f"Ask for {stops.COUNT} tokens. What ends the text then?",
        "end_of_text": "Draw the end of text. How likely is it here?",
        "context_length": f"Fill the context of {here.config.context_length:,} tokens. What comes after?",
    }
    return [Try(text, shown=((choices.STOP, why),)) for why, text in said.items() if why != stops.wanted()]


def _greedy_is_best(here: Here) -> str:
    if here.is_full:
        return "It takes the best token at each step. The best next token need not lead to the best text."
    written = greedy.text(here)
    many, different = len(written), len(set(written))
    return (
        f"It takes the best token at each step, which need not lead to the best text: of the {many} tokens that it "
        f"would write after this text, {different} are different. What is likeliest after a repetition is one more repetition."
    )


def _same_seed(here: Here) -> str:
    choice = _chosen(views.live(here.run), second_settings())
    return (
        f"Yes. The random number is computed from the seed and the position: seed {choice.settings.seed} at position {len(here.ids)} gives "
        f"{fixed(choice.u, 3)}, here and on every other machine."
    )


def _temperature_order(here: Here) -> str:
    given = views.live(here.run)
    two = given.candidates.logits[:2].tolist()
    if len(two) < 2:
        return "No: dividing by one number does not change which is larger."
    return (
        f"No. It divides all logits by the same number: {significant(two[0])} stays above {significant(two[1])}, whatever it is. Only how "
        "far apart the probabilities lie changes."
    )


QUESTIONS = (
    Question("Is always taking the likeliest token the best way to write?", _greedy_is_best),
    Question("Can temperature change which token is likeliest?", _temperature_order),
    Question("If I press Next token with the same seed again, do I get the same token?", _same_seed),
)
