"""What the beats of the page on learning say, and what they offer to try."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from app import choices, runtime, state
from app.beats import Question, Try, listed
from app.chapters.learning import lesson, views
from app.choices import LEARNING_AT, LEARNING_LETTER, LEARNING_RATE, LEARNING_STEP_AT, LIVE_DROPOUT, LIVE_RATE
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import fixed, percent, significant
from gptcore.recorded_run import Checkpoint, RecordedRun
from gptcore.resemblance import new_words


def says_recorded(_: Here) -> str:
    return summary(views.recorded_run())


def summary(run: RecordedRun) -> str:
    """What the recorded run shows, from its numbers."""
    first, last = run.checkpoints[0], run.checkpoints[-1]
    passed = [
        f"by step {found.step:,} it knows {what} ({fixed(loss, 2)})"
        for what, loss in (("how often each occurs", run.baselines.frequency), ("which one follows which", run.baselines.pairs))
        if (found := views.first_below(run, loss))
    ]
    learned = f"{listed(passed).capitalize()}. " if passed else ""
    return (
        f"At step 0 its numbers are noise, and it guesses among {run.config.vocab_size} characters: a loss of "
        f"**{fixed(first.held_out_loss, 2)}** nats each. {learned}After {last.step:,} steps it is at **{fixed(last.held_out_loss, 2)}** on text "
        "that it never saw."
    )


def try_recorded(_: Here) -> Sequence[Try]:
    """Checkpoints where something changes."""
    run = views.recorded_run()
    tries = [Try("Back to step 0. What does noise look like?", shown=((LEARNING_AT, 0),))]
    if (pairs := views.first_below(run, run.baselines.pairs)) is not None:
        index = run.checkpoints.index(pairs)
        tries.append(Try(f"Step {pairs.step:,}: letters in a likely order. Are there words yet?", shown=((LEARNING_AT, index),)))
    end = ((LEARNING_AT, len(run.checkpoints) - 1), (choices.LEARNING_HEAD, views.farthest_looking()))
    return [*tries, Try("The last step, and the head that looks back furthest", shown=end)]


def says_loss(here: Here) -> str:
    """What the model in view lost at the token at the cursor."""
    if not here.position:
        return "The first token is predicted by nothing. Choose a later one in the text above, or choose the next token, to see its loss."
    probability, loss = views.loss_at_cursor(here)
    blind = math.log(here.config.vocab_size)
    said = (
        f"After {code(here.tokens[here.position - 1])}, the model gave {code(here.tokens[here.position])}, which really came, a probability of "
        f"{percent(probability)}. Its loss is **{fixed(loss, 2)} nats**; a guess among all {here.config.vocab_size:,} tokens would have cost "
        f"{fixed(blind, 2)}."
    )
    return f"{said} This text surprised it." if loss > blind else f"{said} Training makes the mean of such numbers small."


def try_loss(here: Here) -> Sequence[Try]:
    """The tokens that cost most and least."""
    if len(here.ids) < 3:
        return []
    probabilities = runtime.token_probabilities(here.run)
    tries = []
    for said, at in (("cost it most", int(np.argmin(probabilities)) + 1), ("cost it least", int(np.argmax(probabilities)) + 1)):
        if at != here.position:
            change = here.cursor_on(at)
            tries.append(Try(f"Go to {code(here.tokens[at])}, which {said}. What stands before it?", change))
    return tries


def says_step(_: Here) -> str:
    """What one step does to one weight and its loss."""
    run, at, letter, rate = views.recorded_run(), *views.one_weight_in_focus()
    step = views.prediction(at, letter)
    names, wanted = run.tokenizer, views.passage()[letter]
    after = step.weight - rate * step.gradient
    return (
        f"At step {run.checkpoints[at].step:,} the toy has read {code(views.passage()[:letter])} and gives {code(wanted)}, which comes next, "
        f"{percent(step.probability)}. Of the {run.config.vocab_size * run.config.emb_dim:,} numbers in its embedding table this loss "
        f"depends most on number {step.column} of the row of {code(names.text_of(step.row))}. "
        f"{finding(step.loss, views.loss_after(at, letter, after), after - step.weight)}"
    )


def finding(before: float, after: float, moved: float) -> str:
    """Whether the step helped, from its numbers."""
    way = f"Moving it by {significant(moved)}"
    if after < before:
        return f"{way} **lowers** the loss from {fixed(before, 3)} to {fixed(after, 3)} nats."
    if after == before:
        return f"{way} leaves the loss where it is, at {fixed(before, 3)} nats."
    return f"{way} **raises** the loss from {fixed(before, 3)} to {fixed(after, 3)} nats: the step was too long. Try a smaller learning rate."


def try_step(_: Here) -> Sequence[Try]:
    """Other rates, the beginning, another character."""
    return [
        Try("A learning rate of 1. Does the loss still fall?", shown=((LEARNING_RATE, 1.0),)),
        Try("A learning rate of 0.02. How many such steps would it take?", shown=((LEARNING_RATE, 0.02),)),
        Try("Before its first step. How steep is the line?", shown=((LEARNING_STEP_AT, 0), (LEARNING_LETTER, 18))),
    ]


def says_overfit(_: Here) -> str:
    return lesson.finding(lesson.measured_runs())


def try_overfit(_: Here) -> Sequence[Try]:
    return [
        Try("Dropout of 30 %, then train below. Where does it turn now?", shown=((LIVE_DROPOUT, "0.3"), (LIVE_RATE, "1"))),
        Try("Four times the learning rate, then train. Does it turn sooner?", shown=((LIVE_DROPOUT, "0"), (LIVE_RATE, "4"))),
    ]


def says_copies(_: Here) -> str:
    run = views.recorded_run()
    checkpoint = views.checkpoint_in_focus()
    sample = checkpoint.sample
    return verdict(checkpoint.copied.length, run.usual_run, len(sample), new_words(sample, run.training_text))


def verdict(length: int, usual: float, size: int, words: Sequence[str]) -> str:
    """Whether a sample was copied, from its longest run and what others share."""
    known = (
        f"The longest run of characters that the sample shares with its training text is **{length}** long. Pieces of text as long as the sample "
        f"({size} characters), which nobody copied, share {fixed(usual, 0)} with it (median)"
    )
    if length > 2 * usual:
        said = f"{known}: it has this passage by heart."
    elif length > usual:
        said = f"{known}: a little more than chance, so it may have learned a phrase."
    else:
        said = f"{known}: no sign of copying. It makes its words up from what it learned about letters."
    if not words:
        return f"{said} Every word of it stands somewhere in its text."
    return f"{said} Words that its text has nowhere: {listed([code(word) for word in words[:8]])}."


def try_copies(_: Here) -> Sequence[Try]:
    """Other checkpoints, and a toy that does copy."""
    return [
        Try("The sample of step 0. What does noise share with any text?", shown=((LEARNING_AT, 0),)),
        Try("Train a toy that copies: 4,000 characters, learned by heart", shown=((choices.LEARNING_PART, "overfit"),)),
    ]


def gap(run: RecordedRun, checkpoint: Checkpoint) -> str:
    """What the two losses say of it."""
    own, other = checkpoint.training_loss, checkpoint.held_out_loss
    said = f"Over {run.windows} windows of each: {fixed(own, 2)} nats per character on its own text, {fixed(other, 2)} on text it never saw."
    if other - own < 0.05:
        return f"{said} The two hardly differ: what it has learned holds for both."
    return f"{said} The difference of {fixed(other - own, 2)} is what holds for its own text only."


def _made_up(_: Here) -> str:
    run = views.recorded_run()
    last = run.checkpoints[-1]
    words = new_words(last.sample, run.training_text)
    if not words:
        return "Every word of its last sample stands in its text; at other steps it writes some that do not."
    return (
        f"From letters that often follow each other. {listed([code(word) for word in words])} of its last sample stand nowhere in its "
        f"{run.split:,} characters of text: it did not look them up, it drew them character by character."
    )


def _more_steps(_: Here) -> str:
    plain = lesson.measured_runs()[0]
    return (
        f"Not for other text. Of {lesson.characters():,} characters it had learned what holds for others by step {lesson.lowest_at(plain):,} "
        f"({fixed(min(plain['held_out']), 2)} nats); {plain['steps'][-1]:,} steps later it stood at {fixed(plain['held_out'][-1], 2)}. More text "
        f"helps: the recorded run had {views.recorded_run().split:,} characters, and its loss on held-out text fell to the end."
    )


def _which_loss(_: Here) -> str:
    run = views.recorded_run()
    last = run.checkpoints[-1]
    return (
        f"The one on held-out text, {fixed(last.held_out_loss, 2)}. Its own text, which it has read some {_passes(run)} times, costs it "
        f"{fixed(last.training_loss, 2)}, which says how much of it it remembers as well."
    )


def _passes(run: RecordedRun) -> str:
    seen = run.checkpoints[-1].step * run.settings["batch_size"] * run.config.context_length
    return fixed(seen / run.split, 0)


QUESTIONS = (
    Question("It writes words that its text does not have. Where do they come from?", _made_up),
    Question("Two losses: which one says how well it predicts a text it has not seen?", _which_loss),
    Question("Would more steps make a toy of 4,000 characters better?", _more_steps),
)


def says_live(_: Here) -> str:
    """What is about to be learned."""
    text = views.live_text()
    if not text:
        return "Paste a text of your own, and watch a toy learn it from nothing, on this server."
    kinds = len(set(text))
    return (
        f"A new toy, a few seconds old, learns **{len(text):,} characters** from noise within a minute. Before its first step it can only "
        f"guess among {kinds} characters, which costs **{fixed(math.log(kinds), 2)} nats** each. Press the button, and watch how far it comes."
    )


def try_live(_: Here) -> Sequence[Try]:
    own = state.chosen(choices.LIVE_SOURCE) == "own"
    other = (
        Try("Moby-Dick again", shown=((choices.LIVE_SOURCE, "book"),))
        if own
        else Try("Paste a text of your own. How much of it does it learn?", shown=((choices.LIVE_SOURCE, "own"),))
    )
    return [other, Try("Half the learning rate. Is it slower, or better?", shown=((LIVE_RATE, "0.5"),))]
