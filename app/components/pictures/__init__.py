"""The part of a figure's menu that the browser does by itself: the pictures, which it has drawn, and the address, which it knows."""

from __future__ import annotations

from app.components import component, pack


def pictures(menu: str, *, link: bool) -> None:
    """menu: the key of the menu, after which the figure stands; link: whether this view has an address that can be handed on."""
    component("pictures")(key=f"pictures_{menu}", data=pack({"menu": menu, "link": link}))
