"""The parameters page as its tests open it: fixture `opened` of conftest.py."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

LAYER = 1  # in focus, unless a test says otherwise
Opened = Callable[..., AppTest]
