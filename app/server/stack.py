"""What the launcher puts before Streamlit: what every request passes through, and what is answered beside it."""

from __future__ import annotations

import os
from collections.abc import Callable

from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from streamlit import config

from app.server import answers, assets
from app.server.first_page import FirstPage
from app.server.gate import Gate
from app.server.headers import FRAMES_VARIABLE, SafetyHeaders, frame_origins
from app.server.limits import Full
from app.server.names import HOSTS_VARIABLE, OwnNames, listed


def middleware(open_files: int = 0) -> list[Middleware]:
    """Outermost first, as `st.App` takes it. Settings come from the environment. open_files: the limit, 0 for none."""
    return [
        Middleware(SafetyHeaders, frames=frame_origins(os.environ.get(FRAMES_VARIABLE, ""))),
        Middleware(Gate, own=OwnNames(listed(os.environ.get(HOSTS_VARIABLE, "")))),
        Middleware(Full, files=open_files),
        Middleware(FirstPage),
    ]


def routes(news: Callable[[int, int, int], bytes]) -> list[BaseRoute]:
    """As `st.App` takes it. news: what a page asks about the training that runs (app.live.slot)."""
    return [assets.route(base()), answers.route(base(), news)]


def base() -> str:
    """The path below which the app lies, which Streamlit gives to its own routes only."""
    return str(config.get_option("server.baseUrlPath"))
