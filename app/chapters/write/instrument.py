"""The second beat: the choice of the next token in the hand, with all its settings; and the third: the seven steps behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import choices, run_loop, sequence, state, ui
from app.beats import Question, Try
from app.chapters.write import seven_steps
from app.charts import Figure, grouped_bars
from app.components.next_token import is_hidden, next_token
from app.components.rail import rail
from app.components.timeline import timeline
from app.runtime import Here
from app.writing import markup
from app.writing.markup import code
from app.writing.numbers import counted, fixed, percent
from gptcore.sampling import Selection

if TYPE_CHECKING:
    import pandas as pd

FIRST_LABELS = 24  # rows that the panel can show before the vocabulary has arrived
LISTED = 50  # candidates in the files of the panel


def take_settings(new: dict[str, Any]) -> None:
    state.update(**new)


def controls(place: Here) -> None:
    """Run, Stop, Back and Start over, each in a place of its own, so that none turns into another under the finger."""
    running = run_loop.remaining() > 0
    with st.container(horizontal=True, vertical_alignment="center", key="controls"):
        full = place.is_full and place.is_newest
        count = int(state.remembered("run_length", 50))
        st.button(
            f"Run {count}", icon=":material/play_arrow:", on_click=state.guarded(run_loop.start), args=(count,),
            disabled=full or running,
        )  # fmt: skip
        st.button("Stop", icon=":material/stop:", on_click=state.guarded(run_loop.stop), disabled=not running)
        st.button("Back", icon=":material/undo:", on_click=state.guarded(run_loop.back), disabled=place.position == 0)
        st.button(
            "Start over",
            icon=":material/first_page:",
            on_click=state.guarded(run_loop.start_over),
            disabled=not place.view.chosen,
        )
        with ui.drawer("Run", icon=":material/tune:", key="run_settings", help="How many tokens, and how fast") as is_open:
            if is_open:
                st.slider("Tokens in a run", 5, 200, step=5, **state.remembered_widget("run_length", 50, range(5, 201, 5)))
                st.radio("Speed", run_loop.SPEEDS, **state.remembered_widget("speed", run_loop.DEFAULT_SPEED, run_loop.SPEEDS))
        if branches := state.branches():
            with ui.drawer(
                f"Branches ({len(branches)})", icon=":material/call_split:", key="branches", help="What was written here before"
            ) as is_open:
                for index, branch in enumerate(reversed(branches) if is_open else ()):
                    text = markup.escape_markdown(place.model.tokenizer.decode(branch)[-60:] or "the prompt alone")
                    st.button(
                        text, key=f"branch_{index}", type="tertiary", on_click=state.guarded(state.take_branch), args=(branch,)
                    )
        if running:
            st.caption(f"{run_loop.total() - run_loop.remaining()} of {run_loop.total()} tokens", width="content")


def _place(whole: Here) -> Here:
    """The controls and the chips, which every step changes; gives the text as it was when the cursor's token was the newest."""
    here = whole.up_to_cursor()
    controls(whole)
    if whole.sequence.started_empty:
        ui.note("The prompt is empty, so the model starts from its start token, <|endoftext|>, and writes whatever it likes.")
    if here.is_full:
        ui.note(
            f"The sequence fills the context of {here.config.context_length:,} tokens, so no token can follow it. The model still says "
            f"which it would take. {'Go back, or start over' if here.view.chosen else 'Shorten the prompt'} to go on."
        )
    elif not whole.is_newest:
        in_prompt = len(here.ids) < len(here.sequence.prompt)
        follows = f"The token that follows here in {'the prompt' if in_prompt else 'the text'} is {markup.quoted(whole.tokens[len(here.ids)])}."
        ui.note(follows if in_prompt else f"{follows} Choose another, and a new branch begins; this one stays under Branches.")
    timeline(sequence.timeline_chips(whole), key="main_timeline", position=whole.position, on_pick=run_loop.go_to)
    return here


def choice(whole: Here) -> None:
    """The panel: bars, sliders and the strip with the dart."""
    here = _place(whole)
    chosen = sequence.selection(here)
    tokenizer = here.model.tokenizer
    if not is_hidden("next_token", len(here.ids)):
        candidates_menu("next-token", here, chosen)
    next_token(
        key="next_token",
        model_name=here.view.model,
        choice=chosen,
        labels=[tokenizer.text_of(int(i)) for i in chosen.token_ids[:FIRST_LABELS]],
        n_tokens=len(here.ids),
        on_settings=take_settings,
        on_choose=run_loop.choose,
        disabled=here.is_full or len(here.ids) < len(here.sequence.prompt),
        followed=None if whole.is_newest else whole.ids[len(here.ids)],
    )


def candidates_menu(name: str, here: Here, chosen: Selection, code: Callable[[], str] | None = None) -> None:
    """The menu of what shows the likeliest candidates. code: if not that of the beat in view."""
    shown = slice(LISTED)

    def texts() -> list[str]:
        return [here.model.tokenizer.text_of(int(i)) for i in chosen.token_ids[shown]]

    def data() -> pd.DataFrame:
        import pandas as pd  # when it is asked for: the first page comes up without it

        probabilities = {"probability": chosen.base_probs[shown], "after_settings": chosen.final_probs[shown]}
        return pd.DataFrame({"token_id": chosen.token_ids[shown], "token": texts(), **probabilities})

    mode = ui.mode()

    def figure() -> Figure:
        return grouped_bars(
            {"model": chosen.base_probs[shown], "after the settings": chosen.final_probs[shown]}, labels=texts(),
            title=f"The {len(chosen.token_ids[shown])} likeliest next tokens", value_title="probability", unit="%",
            stages=("reference", "probability"), mode=mode,
        )  # fmt: skip

    ui.figure_menu(name, data, figure, code=code)


def says_choice(whole: Here) -> str:
    """The likeliest candidates, and what the settings left of them."""
    here = whole.up_to_cursor()
    if is_hidden("next_token", len(here.ids)):
        return "The model gives every token of its vocabulary a probability. Take a guess before you look."
    chosen, text = sequence.selection(here), here.model.tokenizer.text_of
    first, own, left = code(text(int(chosen.token_ids[0]))), float(chosen.base_probs[0]), float(chosen.final_probs[0])
    said = f"The model gives {first} **{percent(own)}**"
    if chosen.settings.temperature == 0:
        return f"{said}. At temperature 0 the likeliest token is always taken: the random number has no say."
    if percent(own) != percent(left):
        said += f", which temperature and the cuts make **{percent(left)}**"
    return f"{said}. {counted(chosen.kept, 'token')} can be drawn. The random number {fixed(chosen.u, 3)} chose {code(text(chosen.chosen_id))}."


def try_choice(here: Here) -> list[Try]:
    """Settings that change what is written."""
    tries = [
        Try("Always the likeliest: temperature 0", {"temperature": 0.0}),
        Try("Braver: temperature 2, nothing cut", {"temperature": 2.0, "top_k": None, "top_p": 1.0, "min_p": 0.0}),
        Try("Other dice: the next seed", {"seed": here.view.seed + 1}),
    ]
    now = here.view
    return [each for each in tries if any(getattr(now, name) != value for name, value in each.change.items())]


def _open(index: int) -> None:
    state.take(choices.WRITE_STEP, index + 1)
    state.publish()  # at once, since a fragment runs without the entry


def steps(whole: Here) -> None:
    """The rail of the seven steps, and the one that is open."""
    here = _place(whole)
    chosen, hidden = sequence.selection(here), is_hidden("next_token", len(whole.up_to_cursor().ids))
    opened = state.chosen(choices.WRITE_STEP) - 1
    rail(
        seven_steps.stations(here, chosen, hidden),
        key="rail",
        selected=opened,
        on_select=_open,
    )
    if hidden:
        ui.note("The seven steps show their numbers again when the guess is over.")
    elif not run_loop.remaining():
        seven_steps.show(opened, here, chosen)


def says_steps(whole: Here) -> str:
    """What goes in, and what comes out."""
    here = whole.up_to_cursor()
    n, vocab = len(here.ids), here.config.vocab_size
    return (
        f"{counted(n, 'token')} in, one token out. The model makes {vocab:,} logits for every position, and only the last row decides "
        "what comes next. For the token after that, all seven steps run again."
    )


QUESTIONS = (
    Question(
        "If you press Start over and run again, is the text the same?",
        lambda here: (
            f"Yes. The random numbers come from the seed, {here.view.seed}, and the position; nothing else is left to chance. "
            "Another seed is another text."
        ),
    ),
    Question(
        "How many times must the model run to write 50 tokens?",
        lambda here: (
            "50 times: each new token is appended to the text, and the model reads the longer text before it chooses the next."
        ),
    ),
)
