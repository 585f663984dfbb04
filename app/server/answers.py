"""An address that answers a page's questions with JSON, beside Streamlit: no script runs for them."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

ADDRESS = "glass/training"
MOST = 10**9  # of a number in a question


def route(base: str, answer: Callable[[int, int, int], bytes]) -> BaseRoute:
    """What answers under ADDRESS: `answer(visitor, training, rows)` of the three whole numbers that the question names.

    base: `server.baseUrlPath`, which Streamlit gives to its own routes only.
    """
    below = f"/{base.strip('/')}" if base.strip("/") else ""

    async def asked(request: Request) -> Response:
        try:
            numbers = [int(request.query_params[name]) for name in ("visitor", "training", "rows")]
        except (KeyError, ValueError):
            return PlainTextResponse("Bad Request", 400)
        if not all(0 <= number < MOST for number in numbers):
            return PlainTextResponse("Bad Request", 400)
        return Response(answer(*numbers), headers={"Cache-Control": "no-store"}, media_type="application/json")

    return Route(f"{below}/{ADDRESS}", asked, methods=["GET"])
