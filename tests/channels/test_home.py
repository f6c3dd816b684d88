"""The front page: channels, live ones first, and finding one among many."""

from __future__ import annotations

from app.channels.channel import Channel
from app.clock import now
from app.extensions import db
from tests.people import People


def open_channels(people: People, count: int) -> None:
    """So many public channels, and a private one."""
    for number in range(count):
        Channel.open(f"boat-{number}", f"Boat number {number}", people.account(f"skipper{number}x"))
    Channel.open("cellar", "Boat in the cellar", people.account("otto")).access = "private"
    db.session.commit()


def test_live_channels_come_first_with_title_and_viewers(people: People) -> None:
    open_channels(people, 2)
    Channel.at("boat-1").live_since = now()  # type: ignore[union-attr]
    db.session.commit()
    page = people.visitor().get("/").text
    assert page.index("Live now") < page.index("Boat number 1") < page.index("Boat number 0")
    assert "watching" in page and "cellar" not in page


def test_a_channel_is_found_by_its_title_its_address_and_its_streamer(people: People) -> None:
    open_channels(people, 6)
    visitor = people.visitor()
    for looked_for, title in (
        ("NUMBER 3", "Boat number 3"),
        ("boat-4", "Boat number 4"),
        ("skipper5x", "Boat number 5"),
    ):
        page = visitor.get("/", query_string={"q": looked_for}).text
        assert title in page and page.count('class="channel-row ') == 1
        assert f'value="{looked_for}"' in page
    for nothing in ("no such boat", "cellar", "otto", "\0%_", "<b>x</b>", "x" * 500):
        answer = visitor.get("/", query_string={"q": nothing})
        assert answer.status_code == 200 and "No channel is called that" in answer.text
        assert "<b>x</b>" not in answer.text
    assert visitor.get("/").text.count('class="channel-row ') == 6


def test_an_empty_site_says_what_to_do_next_and_has_nothing_to_search(people: People) -> None:
    page = people.visitor().get("/").text
    assert "There is no channel on this server" in page and "Become a streamer" in page
    assert 'name="q"' not in page
