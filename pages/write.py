"""Which token comes next, and how was it chosen?

Reads: the trace's logits at the last position, the sampling settings, the chosen tokens.
Shows: the sequence as chips (colour: probability at temperature 1); the seven steps of generation with their shapes; the best
candidates as bars (probability, 0 to 100 %) with the cuts, and the strip of kept probabilities (0 to 1) with the dart u.
"""

import streamlit as st

from app import faults, run_loop, runtime, sequence, state, ui
from app.chapters.write import seven_steps
from app.components.next_token import is_hidden, next_token
from app.components.rail import rail
from app.components.timeline import timeline
from app.runtime import Here
from app.writing import markup

FIRST_LABELS = 24  # rows that the panel can show before the vocabulary has arrived


def take_settings(new: dict) -> None:
    state.update(**new)


def controls(running: bool, place: Here) -> None:
    """Run, Stop, Back and Start over, each in a place of its own, so that none turns into another under the finger."""
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
        with st.popover("Run", icon=":material/tune:", help="How many tokens, and how fast"):
            st.slider("Tokens in a run", 5, 200, step=5, **state.remembered_widget("run_length", 50, range(5, 201, 5)))
            st.radio("Speed", run_loop.SPEEDS, **state.remembered_widget("speed", run_loop.DEFAULT_SPEED, run_loop.SPEEDS))
        if branches := state.branches():
            with st.popover(f"Branches ({len(branches)})", icon=":material/call_split:", help="What was written here before"):
                for index, branch in enumerate(reversed(branches)):
                    text = markup.escape_markdown(place.model.tokenizer.decode(branch)[-60:] or "the prompt alone")
                    st.button(
                        text, key=f"branch_{index}", type="tertiary", on_click=state.guarded(state.take_branch), args=(branch,)
                    )
        if running:
            st.caption(f"{run_loop.total() - run_loop.remaining()} of {run_loop.total()} tokens", width="content")


def drawn() -> None:
    """Everything that a step changes."""
    whole = runtime.here()
    here = whole.up_to_cursor()  # everything below is as it was when the cursor's token was the newest
    running = run_loop.remaining() > 0
    controls(running, whole)
    if here.is_full:
        ui.note(
            f"The sequence fills the context of {here.config.context_length:,} tokens, so no token can follow it. The model still says "
            f"which it would take. {'Go back, or start over' if here.view.chosen else 'Shorten the prompt'} to go on."
        )
    elif not whole.is_newest:
        in_prompt = len(here.ids) < len(here.sequence.prompt)
        follows = f"The token that follows here in {'the prompt' if in_prompt else 'the text'} is {whole.tokens[len(here.ids)]}."
        ui.note(follows if in_prompt else f"{follows} Choose another, and a new branch begins; this one stays under Branches.")
    timeline(sequence.timeline_chips(whole), key="main_timeline", position=whole.position, on_pick=run_loop.go_to)
    choice = sequence.selection(here)
    opened = int(state.remembered("opened_step", 4))
    hidden = is_hidden("next_token", len(here.ids))
    tokenizer = here.model.tokenizer
    next_token(
        key="next_token",
        model_name=here.view.model,
        choice=choice,
        labels=[tokenizer.text_of(int(i)) for i in choice.token_ids[:FIRST_LABELS]],
        n_tokens=len(here.ids),
        on_settings=take_settings,
        on_choose=run_loop.choose,
        disabled=here.is_full or len(here.ids) < len(here.sequence.prompt),
        followed=None if whole.is_newest else whole.ids[len(here.ids)],
    )
    rail(
        seven_steps.stations(here, choice, hidden),
        key="rail",
        selected=opened,
        on_select=lambda i: state.remember("opened_step", i),
    )
    if hidden:
        ui.note("The seven steps show their numbers again when the guess is over.")
    elif not running:
        seven_steps.show(opened, here, choice)


ui.page_header(
    "probability",
    "Which token comes next?",
    "The model gives every token of its vocabulary a probability. Temperature and the cuts reshape them, one random number decides, "
    "and the chosen token joins the text. Then it all starts again.",
)
if runtime.here().sequence.started_empty:
    ui.note("The prompt is empty, so the model starts from its start token, <|endoftext|>, and writes whatever it likes.")
drawn()
# During a run this fragment alone runs by itself, and has the page drawn again when a step is due.
page_run = run_loop.PageRun()
faults.fragment(run_loop.keep_going, run_every=run_loop.interval() if run_loop.remaining() else None)(page_run)
page_run.is_over = True
