"""What the beats of the branches page say, and what they offer to try."""

from __future__ import annotations

from collections.abc import Sequence

from app import choices, state
from app.beats import Question, Try
from app.chapters.branches import sections, views
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, fixed, percent
from gptcore.branching import BeamStep


def says_tree(here: Here) -> str:
    """How many texts, where they part, and which is the likeliest."""
    unwritten = views.offered(here, state.branches(), 1)
    if unwritten.n_missing:
        return "Each choice of a token is a fork: with another one the text becomes another. Some are being drawn."
    found = views.leaves(views.tree(here, (*state.branches(), *unwritten.texts)))
    if not found:
        return "Each choice of a token is a fork. Here there is no room for another token: the text fills the model's context."
    likeliest, n_prompt = fixed(views.bits(found[0].log_prob), 1), len(here.sequence.prompt)
    if len(found) == 1:
        return (
            f"One text stands after this prompt: the model gives all of it {likeliest} bits. Another choice anywhere is a branch."
        )
    spread = views.bits(found[0].log_prob) - views.bits(found[-1].log_prob)
    first = {leaf.ids[n_prompt] for leaf in found}
    begins = (
        f"all of which begin with {code(here.model.tokenizer.text_of(*first))}"
        if len(first) == 1
        else "each of which begins with another token"
        if len(first) == len(found)
        else f"with {len(first)} different first tokens"
    )
    if not unwritten.texts:
        start = f"**{len(found)}** texts were written after this prompt, {begins}."
    elif here.view.chosen:
        start = (
            f"One text was written after this prompt; with other dice it would be another. Here are **{len(found)}**, {begins}."
        )
    else:
        start = (
            f"Nothing has been written after this prompt yet. With {len(unwritten.texts)} seeds the model writes **{len(found)}** "
            f"different texts, {begins}."
        )
    return f"{start} The likeliest has {likeliest} bits, {fixed(spread, 1)} more than the unlikeliest."


def try_tree(here: Here) -> Sequence[Try]:
    """Other dice, and the search."""
    tries = [Try("Higher temperature: do they part sooner?", {"temperature": 1.5})] if here.view.temperature < 1.5 else []
    search = ((choices.BRANCHES_PART, "beam"), (choices.BEAM_STEP, 1), (choices.BEAM_PHASE, "expand"))
    return [*tries, Try("Search for a likely text, step by step", shown=search)]


def says_beam(whole: Here) -> str:
    """Whether the greedy text is the likeliest that was found."""
    here = whole.up_to_cursor()
    width, step = sections.settings()
    steps, greedy = views.beam(here, width, step), views.beam(here, 1, step)
    if not steps:
        return "There is no room for another token."
    if (phase := state.chosen(choices.BEAM_PHASE)) != "keep":
        return _half(here, steps, phase)
    best, plain = steps[-1].kept[0], greedy[-1].kept[0]
    mine, theirs = views.bits(best.log_prob), views.bits(plain.log_prob)
    after = f"After {counted(len(steps), 'step')} the best of {width} {'texts' if width > 1 else 'text'} has **{fixed(mine, 1)} bits**"
    if width == 1:
        return f"{after}. One text alone is greedy: it always takes the likeliest token."
    if best.ended or plain.ended:
        return f"{after}, the greedy one {fixed(theirs, 1)}. A text that the model has ended keeps its score, so a short one is far ahead."
    if mine > theirs + 0.005:
        first = code(here.model.tokenizer.text_of(best.ids[len(here.ids)]))
        return (
            f"{after}, the greedy one **{fixed(theirs, 1)}**: always taking the likeliest token has not found the likeliest text. The best "
            f"begins with {first}."
        )
    return f"{after}, the greedy one {fixed(theirs, 1)}: here the greedy text is still the best that was found."


def _half(here: Here, steps: Sequence[BeamStep], phase: str) -> str:
    """What the step does before it keeps some."""
    before, scored = views.before(here, steps), views.by_score(steps)
    if phase == "expand":
        start = (
            "the text in view"
            if len(steps) == 1
            else f"each of the {len(before)} texts that were kept"
            if len(before) > 1
            else "the one text that was kept"
        )
        return (
            f"Step {len(steps)} goes on with {start} by its likeliest tokens: **{counted(len(scored), 'text')}** to choose among."
        )
    best = scored[0]
    added = views.bits(best.log_prob) - views.bits(before[best.parent].log_prob)
    return (
        f"Each of the {counted(len(scored), 'text')} costs its last token's bits on top of what it had. The best comes of text "
        f"{best.parent + 1} and {code(here.model.tokenizer.text_of(best.ids[-1]))}: **{fixed(views.bits(best.log_prob), 1)} bits**, "
        f"{fixed(abs(added), 1)} of them for its last token."
    )


def try_beam(whole: Here) -> Sequence[Try]:
    """On by half a step; more texts; the end."""
    width, step = sections.settings()
    phase, tries = state.chosen(choices.BEAM_PHASE), []
    if phase == "expand":
        tries.append(Try("Score them", shown=((choices.BEAM_PHASE, "score"),)))
    elif phase == "score":
        tries.append(Try(f"Keep the best {width if width > 1 else 'one'}", shown=((choices.BEAM_PHASE, "keep"),)))
    elif step < choices.BEAM_STEPS:
        on = ((choices.BEAM_STEP, step + 1), (choices.BEAM_PHASE, "expand"))
        tries.append(Try(f"On to step {step + 1}: expand", shown=on))
    if step != choices.BEAM_STEPS:
        end = ((choices.BEAM_STEP, choices.BEAM_STEPS), (choices.BEAM_PHASE, "keep"))
        tries.append(Try(f"To the end: step {choices.BEAM_STEPS}", shown=end))
    if width < 8:
        tries.append(Try(f"Keep {2 * width} texts", shown=((choices.BEAM_WIDTH, str(2 * width)),)))
    return tries


def _why_not(whole: Here) -> str:
    here = whole.up_to_cursor()
    steps = views.beam(here, 4, 4)
    if not steps:
        return "Here there is no room for another token."
    best = steps[-1].kept[0]
    return (
        f"The likeliest text is seldom a good one: it is short, or says the same again and again. Here it would go on with "
        f"{code(here.model.tokenizer.decode(best.ids[len(here.ids) :]))}, and its last token alone has {percent(best.prob)}. Drawing "
        "by chance keeps the surprise that texts of people have."
    )


QUESTIONS = (
    Question("Why does nobody just write the likeliest text?", _why_not),
    Question(
        "Can a text that was dropped have been the best?",
        lambda here: (
            "Yes. A step keeps only so many; a text that is behind now may be ahead later, and then it is gone. Only a search that "
            "keeps all of them would be sure, and after 10 tokens these are more than anybody can count."
        ),
    ),
)
