"""Sessions end by the clock, and sockets of people who did nothing for half an hour are cut: a ping is no deed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from app.chat.listener import DEAF_AFTER_SECONDS, sweep
from app.clock import Clock
from app.extensions import db, socketio
from tests.people import People, Person

# The library's own client for tests has no line that our transport could write to.
pytestmark = pytest.mark.settings(TRANSPORT="stock")
MINUTE = 60.0
HALF_AN_HOUR = 30 * MINUTE


class HeldSocket:
    """A socket in this process, where the clock can be moved."""

    def __init__(self, app: Flask, person: Person) -> None:
        self.client = socketio.test_client(app, flask_test_client=person.client)

    def ask(self, event: str, **payload: Any) -> dict[str, Any]:
        """Send one event; return its acknowledgement."""
        answer = self.client.emit(event, payload, callback=True)
        assert isinstance(answer, dict), answer
        return answer

    @property
    def username(self) -> str | None:
        """Whom the server takes this socket for."""
        me = self.ask("join", channel="stella")["me"]
        return str(me["username"]) if me else None

    @property
    def reason(self) -> str | None:
        """Why it was cut; None while it is open."""
        reasons = [got["args"][0]["reason"] for got in self.client.queue if got["name"] == "signed_out"]
        assert len(reasons) == (0 if self.client.is_connected() else 1)
        return reasons[0] if reasons else None


@pytest.fixture
def connect(app: Flask, people: People) -> Iterator[Callable[[Person], HeldSocket]]:
    """Opens sockets, and closes them again. There is a public channel, "stella"."""
    people.streamer("stella")
    opened: list[HeldSocket] = []

    def open_for(person: Person) -> HeldSocket:
        opened.append(HeldSocket(app, person))
        return opened[-1]

    yield open_for
    for socket in opened:
        if socket.client.is_connected():
            socket.client.disconnect()


@pytest.fixture
def after(clock: Clock) -> Callable[[float], None]:
    """Lets seconds pass, and then the server look who is still there."""

    def pass_by(seconds: float) -> None:
        clock.offset_seconds += seconds
        db.session.rollback()
        sweep()

    return pass_by


def test_half_an_hour_of_silence_cuts_the_socket_and_a_second_less_does_not(
    people: People, connect: Callable[[Person], HeldSocket], after: Callable[[float], None]
) -> None:
    vera = connect(people.viewer())
    after(HALF_AN_HOUR - 5)
    assert vera.reason is None
    after(5)
    assert vera.reason == "idle"


def test_a_viewer_who_fell_silent_reads_on_as_a_visitor_until_they_are_back(
    people: People, connect: Callable[[Person], HeldSocket], after: Callable[[float], None]
) -> None:
    person = people.viewer("vera")
    assert connect(person).username == "vera"
    after(HALF_AN_HOUR)
    assert connect(person).username is None, "the page that reconnects by itself is nobody's deed"
    assert person.signed_in, "the session itself goes on, and opening a page is somebody's deed"
    assert connect(person).username == "vera"


def test_what_a_person_does_starts_the_time_anew_and_what_a_page_does_by_itself_does_not(
    people: People, connect: Callable[[Person], HeldSocket], after: Callable[[float], None]
) -> None:
    active, speaker, browser, waiting = (people.viewer(name) for name in ("anna", "bert", "carl", "dora"))
    sockets = [connect(person) for person in (active, speaker, browser, waiting)]
    after(HALF_AN_HOUR - MINUTE)
    assert sockets[0].ask("active")["ok"]
    assert sockets[1].ask("send", channel="stella", text="still here", nonce="1")["ok"]
    browser.get("/security")  # another tab
    assert sockets[3].username == "dora", "joins, and reads history, as a page does that comes back by itself"
    sockets[3].ask("history", channel="stella", before=1)
    after(2 * MINUTE)
    assert [socket.reason for socket in sockets] == [None, None, None, "idle"]
    after(HALF_AN_HOUR - 2 * MINUTE - 1)
    assert [socket.reason for socket in sockets[:3]] == [None, None, None]
    after(2)
    assert [socket.reason for socket in sockets[:3]] == ["idle", "idle", "idle"]


def test_what_is_done_in_one_tab_counts_for_all_of_its_session_and_for_no_other(
    people: People, connect: Callable[[Person], HeldSocket], after: Callable[[float], None]
) -> None:
    here = people.viewer("vera")
    elsewhere = people.visitor().sign_in("vera")
    tabs, other = [connect(here), connect(here)], connect(elsewhere)
    after(HALF_AN_HOUR - MINUTE)
    tabs[0].ask("active")
    after(2 * MINUTE)
    assert [socket.reason for socket in (*tabs, other)] == [None, None, "idle"]


@pytest.mark.parametrize("role", ["streamer", "admin"])
def test_an_admins_or_a_streamers_whole_session_ends_with_half_an_hour_of_silence(
    people: People, connect: Callable[[Person], HeldSocket], after: Callable[[float], None], role: str
) -> None:
    person = people.streamer("silke") if role == "streamer" else people.admin("adele")
    socket = connect(person)
    after(HALF_AN_HOUR)
    assert socket.reason == "idle"
    assert not person.signed_in
    assert connect(person).username is None


@pytest.mark.settings(ACTIVITY_TIMEOUT_MINUTES="120")
def test_a_session_expires_two_hours_after_its_last_request_or_event(
    people: People, connect: Callable[[Person], HeldSocket], after: Callable[[float], None]
) -> None:
    person = people.viewer("vera")
    socket = connect(person)
    after(119 * MINUTE)
    socket.ask("active")
    after(2 * MINUTE)
    assert socket.reason is None, "an event counts as well as a request"
    after(118 * MINUTE)
    assert socket.reason == "expired"
    assert not person.signed_in
    assert connect(person).username is None


def test_a_visitor_has_nothing_that_could_end(
    people: People, connect: Callable[[Person], HeldSocket], after: Callable[[float], None]
) -> None:
    guest = connect(people.visitor())
    after(24 * 60 * MINUTE)
    assert guest.reason is None
    assert guest.ask("join", channel="stella")["ok"]


def test_a_server_that_cannot_hear_who_was_cut_stores_nothing(
    app: Flask, people: People, connect: Callable[[Person], HeldSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    vera = connect(people.viewer())
    assert vera.ask("send", channel="stella", text="heard", nonce="1")["ok"]
    listener = app.extensions["listener"]
    monkeypatch.setattr(listener, "_heard", listener._heard - DEAF_AFTER_SECONDS - 1)
    refused = vera.ask("send", channel="stella", text="unheard", nonce="2")
    assert (refused["ok"], refused["error"]["code"]) == (False, "unavailable")
    listener.hear()
    assert vera.ask("send", channel="stella", text="heard again", nonce="3")["id"] == 2, "nothing was stored meanwhile"
