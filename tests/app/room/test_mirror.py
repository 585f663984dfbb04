"""What a session shows, put together from the messages of its runs, whichever of them ends when."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from streamlit.proto.Delta_pb2 import Delta

from app.room.mirror import Mirror


def text(said: str, fragment: str = "") -> Delta:
    delta = Delta(fragment_id=fragment)
    delta.new_element.markdown.body = said
    return delta


def block() -> Delta:
    delta = Delta()
    delta.add_block.SetInParent()
    return delta


def shown(mirror: Mirror) -> str:
    def all_of(items: list[dict[str, object]]) -> str:
        return "".join(str(each.get("html", "")) + all_of(each.get("items", [])) for each in items)  # type: ignore[arg-type]

    return all_of(mirror.shown()[0])


def page(mirror: Mirror, *said: str) -> None:
    mirror.begin(is_page=True)
    for i, each in enumerate(said):
        mirror.take((0, i), text(each))
    mirror.end()


def test_a_page_that_is_drawn_again_leaves_nothing_of_the_one_before() -> None:
    mirror = Mirror()
    page(mirror, "one", "two")
    page(mirror, "three")
    assert "three" in shown(mirror) and "two" not in shown(mirror)


def test_a_fragment_replaces_what_it_had_written_and_nothing_else() -> None:
    mirror = Mirror()
    mirror.begin(is_page=True)
    mirror.take((0, 0), text("title"))
    mirror.take((0, 1), block())
    mirror.take((0, 1, 0), text("old", "f"))
    mirror.take((0, 1, 1), text("older", "f"))
    mirror.end()
    mirror.begin(is_page=False)
    mirror.take((0, 1, 0), text("new", "f"))
    mirror.end()
    assert "title" in shown(mirror) and "new" in shown(mirror) and "old" not in shown(mirror)


def test_what_takes_the_place_of_a_block_takes_that_of_all_in_it() -> None:
    mirror = Mirror()
    mirror.begin(is_page=True)
    mirror.take((0, 0), block())
    mirror.take((0, 0, 0), text("inside"))
    mirror.take((0, 0), text("instead"))
    mirror.end()
    assert "instead" in shown(mirror) and "inside" not in shown(mirror)


def test_a_run_that_is_given_up_late_takes_nothing_from_the_next() -> None:
    mirror = Mirror()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(mirror.begin, True).result()
        thread.submit(mirror.take, (0, 0), text("given up")).result()
        mirror.begin(is_page=True)
        mirror.take((0, 0), text("first"))
        thread.submit(mirror.drop).result()
        mirror.take((0, 1), text("second"))
        mirror.end()
        assert "first" in shown(mirror) and "second" in shown(mirror) and "given up" not in shown(mirror)


def test_an_older_run_that_ends_later_is_not_shown() -> None:
    mirror = Mirror()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(mirror.begin, True).result()
        thread.submit(mirror.take, (0, 0), text("older")).result()
        page(mirror, "newer")
        assert thread.submit(mirror.end).result() is False
    assert "newer" in shown(mirror) and "older" not in shown(mirror)


def test_messages_that_pass_and_the_sidebar_are_no_part_of_the_page() -> None:
    mirror = Mirror()
    mirror.begin(is_page=True)
    mirror.take((1, 0), text("sidebar"))
    mirror.take((2, 0), text("toast"))
    mirror.end()
    assert shown(mirror) == ""
