"""The launcher: what `streamlit run app` starts. One run of a visitor's script stands in entry.py."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Timer

import streamlit as st

# Streamlit puts this folder on the path, not the project's root.
if (root := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, root)

from app import faults
from app.live.slot import SLOT
from app.room import presenting, routes
from app.room.hub import HUB
from app.server import ending, limits, stack

# Seconds. Whoever waits in front of the browser while the server starts gets something to look at first: importing torch holds the
# interpreter for long stretches. Later nobody has to wait.
_LEFT_TO_THE_FIRST_VISITOR = 1.0


def _warm() -> None:
    """What the first visitor would wait for otherwise: torch is imported and the default model loaded."""
    from app import runtime, state
    from app.shell import page_frame  # noqa: F401 - all that a page needs
    from gptcore.errors import GPTCoreError

    try:
        runtime.model(state.DEFAULT_MODEL)
    except GPTCoreError as error:  # visitors get the same message, and other models
        logging.getLogger("glass").warning("The default model cannot be loaded. %s", error)


@asynccontextmanager
async def _lifespan(_: st.App) -> AsyncIterator[None]:
    ending.end_in_time()
    limits.quiet_when_full(asyncio.get_running_loop())
    HUB.open(asyncio.get_running_loop())
    warming = Timer(_LEFT_TO_THE_FIRST_VISITOR, _warm)
    warming.daemon = True
    warming.start()
    yield
    HUB.close()
    SLOT.close()


# Hosts that have no variables, such as Streamlit's own, have secrets: Streamlit makes variables of the top ones, but only when it starts,
# after what follows has read its own.
st.secrets.load_if_toml_exists()
_open_files = limits.raise_open_files()
limits.tell(_open_files)
limits.guard_connections(_open_files)
presenting.watch()
streamlit_app = st.App(
    Path(__file__).with_name("entry.py"),
    lifespan=_lifespan,
    routes=[*stack.routes(SLOT.news), *routes.routes(stack.base())],
    middleware=stack.middleware(_open_files),
    on_script_error=faults.on_script_error,
)
