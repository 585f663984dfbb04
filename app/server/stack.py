"""What every request passes through before Streamlit sees it."""

from __future__ import annotations

import os

from starlette.middleware import Middleware

from app.server.gate import Gate
from app.server.names import HOSTS_VARIABLE, OwnNames, listed


def middleware() -> list[Middleware]:
    """Outermost first, as `st.App` takes it. Settings come from the environment."""
    return [Middleware(Gate, own=OwnNames(listed(os.environ.get(HOSTS_VARIABLE, ""))))]
