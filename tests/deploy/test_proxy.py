"""deploy/nginx.conf in the real nginx, before two real processes of the app: one at the root, and one below a path."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from benchmarks.classroom import open_class
from benchmarks.followers import WHOLE, Class
from benchmarks.raw_visitor import RawVisitor
from tests.app.server.sockets import Answer, ask
from tests.browser.server import ROOT, Server, free_port, running_app

pytestmark = pytest.mark.skipif(
    shutil.which("nginx") is None, reason="nginx is not on this machine (apt-get install nginx-light), so the proxy is not tried"
)
CONFIGURATION = (ROOT / "deploy/nginx.conf").read_text("utf-8")
BELOW = "/gpt"
HEALTH = "/_stcore/health"


@dataclass
class Proxy:
    """The proxy's address, and the two processes behind it, of which the second can be ended and started again."""

    url: str
    one: Server
    ports: dict[str, int]
    second: ExitStack
    folder: Path

    def ask(self, path: str, *headers: str, method: str = "GET") -> Answer:
        return ask(f"{self.url}{path}", *headers, method=method)

    def answered_by(self, path: str, *headers: str) -> str:
        """Which process answered this request: `one` or `two`."""
        port = re.search(r"X-Answered-By: 127.0.0.1:(\d+)", self.ask(path, *headers).head)
        assert port is not None
        return next(name for name, own in self.ports.items() if own == int(port[1]))

    def start_second(self) -> None:
        self.second.enter_context(running_app(self.folder / "two.txt", base=BELOW, port=self.ports["two"], **letters("two")))


def letters(process: str) -> dict[str, str]:
    """The setting that this process has in deploy/compose.yaml."""
    service = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))["services"][process]
    return {"GLASS_ROOM_LETTERS": service["environment"]["GLASS_ROOM_LETTERS"]}


def configured(folder: Path, port: int, ports: dict[str, int]) -> Path:
    """The configuration as it is shipped, with the addresses and folders of this machine."""
    text = CONFIGURATION
    for shipped, here in (
        ("worker_rlimit_nofile 32768;", ""),  # what a container is given
        ("worker_connections 16384;", "worker_connections 500;"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("server one:8501;", f"server 127.0.0.1:{ports['one']};"),
        ("server two:8501;", f"server 127.0.0.1:{ports['two']};"),
        ("pid /run/nginx.pid;", f"pid {folder}/nginx.pid;" + (" user root;" if os.geteuid() == 0 else "")),
        ("/var/cache/nginx/glass", f"{folder}/cache"),
        (
            "        add_header Set-Cookie $cookie;",
            "        add_header Set-Cookie $cookie; add_header X-Answered-By $upstream_addr always;",
        ),
        ("http {\n", "http {\n" + "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy"))),
    ):
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, here)
    (folder / "nginx.conf").write_text(text)
    return folder / "nginx.conf"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    port, ports = free_port(), {"one": free_port(), "two": free_port()}
    command = ["nginx", "-c", str(configured(folder, port, ports)), "-p", str(folder), "-g", "daemon off;"]
    with ExitStack() as first, ExitStack() as second:
        one = first.enter_context(running_app(folder / "one.txt", port=ports["one"], **letters("one")))
        made = Proxy(f"http://localhost:{port}", one, ports, second, folder)
        made.start_second()
        with (folder / "nginx.txt").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
            try:
                Server(made.url, folder / "nginx.txt", process).wait_until_healthy()
                yield made
            finally:
                process.terminate()


def test_the_proxy_takes_its_configuration_without_a_warning(proxy: Proxy) -> None:
    assert (proxy.folder / "nginx.txt").read_text() == ""


@pytest.mark.parametrize(
    ("path", "process"),
    [
        ("/r/ACDEFG", "one"),
        ("/r/2CDEFG", "one"),
        ("/r/hcdefg", "one"),
        ("/glass/room/BCDEFG", "one"),
        (f"{BELOW}/r/JCDEFG", "two"),
        (f"{BELOW}/r/zcd-efg", "two"),
        (f"{BELOW}/glass/room/XCDEFG", "two"),
        ("/attention?layer=2&room=BCDEFG", "one"),
        (f"{BELOW}/attention?layer=2&room=XCDEFG", "two"),
    ],
)
def test_a_class_is_on_one_process_as_a_whole_whatever_a_visitor_saw_before(proxy: Proxy, path: str, process: str) -> None:
    assert {proxy.answered_by(path, f"Cookie: glass_process={before}") for before in ("one", "two", "junk")} == {process}
    assert f"Set-Cookie: glass_process={process};" in proxy.ask(path).head  # its websocket does not name the room


def test_without_a_room_a_visitor_stays_where_the_first_answer_came_from(proxy: Proxy) -> None:
    for process in ("one", "two"):
        stays = f"Cookie: a=b; glass_process={process}"
        assert {proxy.answered_by(HEALTH, stays) for _ in range(4)} == {process}
        assert "Set-Cookie: glass_process" not in proxy.ask("/", stays).head
    first = [proxy.answered_by(HEALTH) for _ in range(20)]
    assert set(first) == {"one", "two"}


@pytest.mark.parametrize(("process", "below"), [("one", ""), ("two", BELOW)])
def test_a_visitor_comes_through_to_the_page_and_its_websocket(proxy: Proxy, process: str, below: str) -> None:
    with RawVisitor(f"{proxy.url}{below}", {"prompt": "The cat"}, cookie=f"glass_process={process}") as visitor:
        visitor.open()
        assert not visitor.errors and visitor.handed


def test_two_classes_on_two_processes_each_hear_their_own_teacher_and_nobody_else(proxy: Proxy) -> None:
    with ExitStack() as both:
        classes = []
        for process, below in (("one", ""), ("two", BELOW)):
            url = f"{proxy.url}{below}"
            visitor = both.enter_context(RawVisitor(url, {"prompt": f"Class {process}"}, cookie=f"glass_process={process}"))
            teacher = open_class(visitor)
            assert proxy.answered_by(f"{below}/r/{teacher.code}") == process
            classes.append((teacher, both.enter_context(Class(url, teacher.code, teacher.token, followers=3))))
        for teacher, pupils in classes:
            pupils.wait(WHOLE, 0.0)
            began, place = teacher.change()
            pupils.wait(place, began)
        for (teacher, pupils), (other, _) in zip(classes, reversed(classes), strict=True):
            assert teacher.code != other.code and not any(each.refused or each.errors for each in pupils.followers)
            assert not any("?" + other.visitor.query == said for each in pupils.followers for _, said in each.heard)


def test_code_comes_compressed_and_is_kept(proxy: Proxy) -> None:
    one = "Cookie: glass_process=one"
    assert "Content-Encoding: gzip" in proxy.ask("/", one, "Accept-Encoding: gzip").head
    script = re.findall(r'src="\./(static/js/[^"]+)"', proxy.ask("/", one).body.decode())[0]
    plain, packed = proxy.ask(f"/{script}", one), proxy.ask(f"/{script}", one, "Accept-Encoding: gzip")
    assert plain.status == packed.status == 200 and len(packed.body) < len(plain.body) / 2
    assert "immutable" in packed.head and "nosniff" in packed.head
    assert any((proxy.folder / "cache").rglob("*"))


def test_what_is_sent_to_the_server_is_refused_before_it_arrives(proxy: Proxy) -> None:
    assert proxy.ask("/_stcore/upload_file/a/b", "Content-Length: 100000", method="PUT").status == 413
    assert proxy.ask("/_stcore/upload_file/a/b", "Content-Length: 0", method="PUT").status in {404, 405}
    assert proxy.ask(HEALTH, "Origin: https://evil.example").status == 403  # the app sees who asks


def test_a_long_address_comes_through(proxy: Proxy) -> None:
    assert proxy.ask(f"/?prompt={'a' * 30000}", "Cookie: glass_process=one").status == 200


def test_while_one_process_restarts_the_others_class_goes_on_and_its_own_is_told_to_wait(proxy: Proxy) -> None:
    with RawVisitor(proxy.url, {}, cookie="glass_process=one") as visitor:
        visitor.open()
        proxy.second.close()
        waiting = proxy.ask(f"{BELOW}/r/TCDEFG")
        assert waiting.status == 503 and b"is starting" in waiting.body and "Retry-After" in waiting.head
        visitor.open()
        assert not visitor.errors
    began = time.monotonic()
    proxy.start_second()
    assert proxy.ask(f"{BELOW}{HEALTH}", "Cookie: glass_process=two").status == 200
    assert time.monotonic() - began < 60
