"""Whichever process stored a message, and in whatever order or not at all it comes here: each once, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from flask import Flask
from sqlalchemy import select

from app.auth.session import UserSession
from app.channels.channel import Channel
from app.chat import broadcasts
from app.chat.order import Order
from app.chat.writer import Draft
from app.extensions import db
from tests.people import People
from tests.postgres import on_both_databases

CHANNEL = 77  # of nobody: what is only put in order is never looked up


def batch(*numbers: int) -> list[dict[str, Any]]:
    """Messages as another process tells them."""
    return [{"id": number, "author": {"username": "ada"}, "text": f"line {number}"} for number in numbers]


def ids(hold: broadcasts.Hold) -> list[int]:
    """What was passed on, in its order."""
    return [message["id"] for message in hold.messages]


def wait_for(holds: Callable[[], bool]) -> None:
    """Let others run until ``holds``."""
    with gevent.Timeout(5):
        while not holds():
            gevent.sleep(0.005)


@pytest.fixture
def order(app: Flask) -> Order:
    """The order of one process; everything is read through it."""
    return Order(app, lambda _: True)


@pytest.fixture
def stored(app: Flask, people: People) -> Channel:
    """A channel in which three lines were said."""
    people.streamer("stella")
    channel = db.session.scalars(select(Channel)).one()
    session = db.session.scalars(select(UserSession)).one()
    for number in range(3):
        sender = (channel.id, "stella", channel.owner_id, session.id, "stella")
        app.extensions["writer"].store(Draft(*sender, [], "text", "ahoy", str(number), None))
    db.session.expire_all()
    assert channel.last_message_id == 3
    return channel


def test_what_comes_too_soon_waits_for_what_is_before_it(order: Order) -> None:
    order.follow(CHANNEL, 4)
    with broadcasts.Hold(CHANNEL) as hold:
        order.take(CHANNEL, batch(7, 8))
        assert ids(hold) == []
        order.take(CHANNEL, batch(5, 6))
        assert ids(hold) == [5, 6, 7, 8]


def test_what_comes_twice_is_passed_on_once(order: Order) -> None:
    order.follow(CHANNEL, 4)
    with broadcasts.Hold(CHANNEL) as hold:
        order.take(CHANNEL, batch(5, 6))
        order.take(CHANNEL, batch(4, 5, 6, 7))
        order.take(CHANNEL, batch(7))
        assert ids(hold) == [5, 6, 7]


def test_what_nobody_reads_here_is_not_passed_on(order: Order) -> None:
    with broadcasts.Hold(CHANNEL) as hold:
        order.take(CHANNEL, batch(1))
    assert ids(hold) == []


def test_what_was_removed_before_it_came_is_never_shown(order: Order) -> None:
    order.follow(CHANNEL, 0)
    with broadcasts.Hold(CHANNEL) as hold:
        order.take(CHANNEL, batch(2))
        broadcasts.message_deleted(CHANNEL, "pier", 2)  # it waits
        broadcasts.message_deleted(CHANNEL, "pier", 3)  # it is on its way
        order.take(CHANNEL, batch(1, 3, 4))
        assert ids(hold) == [1, 4]
        broadcasts.messages_cleared(CHANNEL, "pier", 6, None)
        order.take(CHANNEL, batch(5, 6, 7))
        assert ids(hold) == [1, 4, 7]


@on_both_databases
def test_a_hole_is_read_from_the_database(order: Order, stored: Channel) -> None:
    order.follow(stored.id, 0)
    with broadcasts.Hold(stored.id) as hold:
        order.take(stored.id, batch(3))
        wait_for(lambda: len(hold.messages) == 3)
        assert ids(hold) == [1, 2, 3]
        assert [message["text"] for message in hold.messages] == ["ahoy", "ahoy", "ahoy"], "as they stand there"


def test_an_end_that_never_came_is_found_at_the_second_look_or_at_once_when_redis_is_away(
    order: Order, stored: Channel
) -> None:
    order.follow(stored.id, 1)
    with broadcasts.Hold(stored.id) as hold:
        order.look(impatient=False)
        gevent.sleep(0.01)
        assert ids(hold) == [], "it may be on its way"
        order.look(impatient=False)
        wait_for(lambda: ids(hold) == [2, 3])
    other = Order(order.app, lambda _: True)
    other.follow(stored.id, 0)
    with broadcasts.Hold(stored.id) as hold:
        other.look(impatient=True)
        wait_for(lambda: ids(hold) == [1, 2, 3])
