"""Which Host and Origin headers are the server's own: those a class, a laptop and a proxy send, and none that a foreign page can have."""

from __future__ import annotations

import pytest

from app.server.names import OwnNames, host_name, listed

SCHOOL = OwnNames(listed("glass.school.example, https://Other.Example:8443/, *.class.example"))

IN_A_ROOM = ["localhost", "localhost:8501", "127.0.0.1:8501", "192.168.1.5:8501", "[::1]:8501", "[fe80::1]", "8.8.8.8"]
IN_A_ROOM += ["teacher-pc:8501", "teacher-pc.local", "LOCALHOST:8501", "localhost.", "glass.lan:80", "x.home.arpa"]
FOREIGN = [
    "evil.example",
    "evil.example:8501",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "1.2.3.4.5",
    "evil-local.example",
]
NOT_A_HOST = [
    "",
    " ",
    "a b",
    "localhost/x",
    "localhost?x",
    "user@localhost",
    "localhost:99999",
    "localhost:x",
    "[::1",
    "a\x00b",
    "ä",
]


@pytest.mark.parametrize("host", IN_A_ROOM)
def test_the_machines_address_and_local_names_are_own_without_a_setting(host: str) -> None:
    assert OwnNames().is_own_host(host)


@pytest.mark.parametrize("host", FOREIGN + NOT_A_HOST)
def test_a_name_that_anybody_can_point_at_this_machine_is_foreign(host: str) -> None:
    assert not OwnNames().is_own_host(host)


def test_the_operators_list_adds_names_whole_or_by_their_ending() -> None:
    own = ["glass.school.example", "GLASS.school.example:443", "other.example", "a.class.example", "b.a.class.example"]
    foreign = ["x.glass.school.example", "school.example", "class.example", "xclass.example", "evil.example"]
    assert [SCHOOL.is_own_host(host) for host in own + foreign] == [True] * len(own) + [False] * len(foreign)
    assert OwnNames(listed("*")).is_own_host("evil.example")
    assert not OwnNames(listed("*")).is_own_host("evil.example/x")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8501", "localhost:8501"),
        ("http://192.168.1.5:8501", "192.168.1.5:8501"),
        ("http://[::1]:8501", "[::1]:8501"),
        ("https://teacher-pc", "teacher-pc"),
        ("https://teacher-pc", "teacher-pc:443"),
        ("http://LOCALHOST:8501", "localhost:8501"),
        ("https://glass.school.example", "127.0.0.1:8501"),  # behind a proxy that passes its own host
        ("https://glass.school.example:8443", "glass.school.example"),  # ... or leaves the port out
    ],
)
def test_the_page_of_the_same_host_and_pages_of_listed_names_are_own_origins(origin: str, host: str) -> None:
    assert SCHOOL.is_own_origin(origin, host)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://localhost:3000", "null", "", "file://", "http://localhost:8501@evil.example"]
    + ["http://localhost:8501/x", "http://localhost:8501.evil.example", "chrome-extension://localhost:8501", "http://127.0.0.1:8501"],
)  # fmt: skip
def test_every_other_page_is_foreign_that_of_another_port_too(origin: str) -> None:
    assert not SCHOOL.is_own_origin(origin, "localhost:8501")


def test_a_list_that_takes_any_host_takes_no_foreign_origin() -> None:
    assert not OwnNames(listed("*")).is_own_origin("https://evil.example", "localhost:8501")


def test_a_host_is_read_without_its_port() -> None:
    assert [host_name(host) for host in ("a.b:80", "[::1]:80", "A.B.", *NOT_A_HOST)] == ["a.b", "::1", "a.b"] + [None] * len(
        NOT_A_HOST
    )
