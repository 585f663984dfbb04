"""The part that shows the recorded run."""

from __future__ import annotations

from app import choices, state, ui
from app.chapters.learning import views
from app.components.training_run import training_run
from app.runtime import Here
from app.writing.numbers import fixed, in_words
from gptcore import parameters
from gptcore.recorded_run import RecordedRun
from gptcore.training.loop import TrainingRun


def recorded(_: Here) -> None:
    """The run, from its first step to its last."""
    run = views.recorded_run()
    picture = views.picture()
    ui.figure_menu("recorded-run", lambda: views.table(run), code=snippet)
    training_run(
        picture,
        key="recorded_run",
        title="What the text costs it, step by step",
        alt=alt(run),
        name="recorded-run",
        at=min(state.chosen(choices.LEARNING_AT), len(picture.steps) - 1),
        head=min(state.chosen(choices.LEARNING_HEAD), len(picture.heads) - 1),
        mode=ui.mode(),
        on_rest=lambda index: state.take(choices.LEARNING_AT, index),
        on_head=lambda head: state.take(choices.LEARNING_HEAD, head),
    )
    ui.note(provenance(run))


def checks(_: Here) -> None:
    """What can be checked of what was sent, and the code of a step."""
    ui.self_check(views.rows_check())
    ui.snippet(snippet())
    ui.source(TrainingRun.step)


def snippet() -> str:
    """model is the checkpoint in view, sample what it writes, maps its attention."""
    run, at = views.recorded_run(), views.at_in_focus()
    settings = ", ".join(f"{name}={value!r}" for name, value in run.sampling.items() if name != "max_new_tokens")
    lines = [
        "import gptcore",
        "from gptcore.recorded_run import load_recorded_run",
        "",
        "run = load_recorded_run()",
        f"model = run.model({at})  # after {run.checkpoints[at].step:,} steps",
        f"steps = gptcore.generate(model, run.prompt, max_new_tokens={len(run.checkpoints[at].sample)}, {settings})",
        "sample = model.tokenizer.decode([step.token_id for step in steps])",
        f"maps = [model.trace(run.tokenizer.encode({views.passage()!r})).attention(layer).pattern for layer in range(run.config.n_layers)]",
        f"print(run.checkpoints[{at}].held_out_loss, run.prompt + sample)",
    ]
    return "\n".join(lines)


def alt(run: RecordedRun) -> str:
    first, last = run.checkpoints[0], run.checkpoints[-1]
    return (
        f"Line chart: loss in nats per character at {len(run.checkpoints)} checkpoints from step 0 to {last.step:,}. On held-out text from "
        f"{fixed(first.held_out_loss, 2)} to {fixed(last.held_out_loss, 2)}, on the training text from {fixed(first.training_loss, 2)} to "
        f"{fixed(last.training_loss, 2)}. Guessers: {fixed(run.baselines.uniform, 2)}, {fixed(run.baselines.frequency, 2)}, "
        f"{fixed(run.baselines.pairs, 2)}."
    )


def provenance(run: RecordedRun) -> str:
    """What was trained, on what, and how the samples were drawn."""
    count = in_words(parameters.count_parameters(run.config, True))
    temperature, seed = fixed(run.sampling["temperature"], 1), run.sampling["seed"]
    return (
        f"A GPT of {count} parameters ({run.config.n_layers} layers of {run.config.n_heads} heads, {run.config.emb_dim} numbers per token) whose "
        f"tokens are single characters. It was trained once on the first {run.split:,} characters of Moby-Dick, by Herman Melville (1851), "
        f"and recorded; the {len(run.held_out_text):,} after them were held out. Every sample goes on from “{run.prompt}” at temperature "
        f"{temperature} with the same random numbers (seed {seed}), so that what differs between two of them was learned in between."
    )
