"""The page that every visit begins with: Streamlit's own, with our styles in it, however it is asked for."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit import file_util

from app.server import assets, first_page


@pytest.fixture
def client() -> TestClient:
    routes = [
        Route("/", lambda _: HTMLResponse("theirs", headers={"etag": '"old"', "last-modified": "Thu, 26 Nov 2026 20:01:45 GMT"})),
        Route("/r/{code}", lambda _: HTMLResponse("a class's own page")),
        Route("/plain", lambda _: PlainTextResponse("as it is")),
        Route("/missing", lambda _: HTMLResponse("gone", status_code=404)),
        assets.route(""),
    ]
    app = Starlette(routes=routes)
    app.add_middleware(first_page.FirstPage)
    return TestClient(app)


def test_the_page_has_the_styles_before_the_app_and_they_are_there(client: TestClient) -> None:
    html = client.get("/").text
    (address,) = re.findall(r'rel="stylesheet" href="\./(\S+page\.css)"', html)
    assert html.index(address) < html.index('id="root"')
    assert ".glass-header" in client.get(f"/{address}").text
    (script,) = re.findall(r'<script src="\./(\S+early\.js)"></script>', html)
    assert html.index(script) < html.index("<body>") and "popstate" in client.get(f"/{script}").text
    assert "<title>Glass GPT</title>" in html and "<title>Streamlit" not in html


def test_what_nearly_every_page_needs_is_fetched_with_it(client: TestClient) -> None:
    wanted = re.findall(r'modulepreload" crossorigin href="\./static/js/([\w-]+)\.', client.get("/").text)
    assert set(first_page.SOON_NEEDED) <= set(wanted)
    static = Path(file_util.get_static_dir())
    assert all(
        (static / path).is_file() for path in re.findall(r'modulepreload" crossorigin href="\./([^"]+)"', client.get("/").text)
    )


def test_a_browser_that_has_it_is_told_so_and_one_that_has_an_older_one_gets_it(client: TestClient) -> None:
    first = client.get("/")
    assert "last-modified" not in first.headers and first.headers["cache-control"] == "no-cache"
    again = client.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and not again.content
    assert client.get("/", headers={"If-None-Match": '"old"'}).status_code == 200


def test_it_travels_packed_where_the_browser_can_unpack_it_and_a_head_has_no_body(client: TestClient) -> None:
    with client.stream("GET", "/", headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    assert gzip.decompress(packed) == first_page.page() and len(packed) == int(answer.headers["content-length"])
    assert client.get("/", headers={"Accept-Encoding": "identity"}).content == first_page.page()
    assert not client.head("/").content


def test_whatever_else_is_answered_goes_out_as_it_is(client: TestClient) -> None:
    assert client.get("/plain").text == "as it is"
    missing = client.get("/missing")
    assert missing.status_code == 404 and missing.text == "gone"


def test_the_page_of_a_class_is_its_own(client: TestClient) -> None:
    assert client.get("/r/ABC234").text == "a class's own page"
