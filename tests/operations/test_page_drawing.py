"""While a page is drawn, others have their turn; while something is half written, nobody has."""

from __future__ import annotations

import gevent
import pytest
from flask import Flask, render_template_string
from sqlalchemy import update

from app.auth.user import User
from app.extensions import db
from tests.people import People
from tests.postgres import on_both_databases

LONG = "{% for number in range(100000) %}{{ number }} {% endfor %}"


@pytest.fixture
def turns() -> list[int]:
    """Filled by somebody who wants a turn whenever there is one."""
    return []


def draw(turns: list[int]) -> str:
    """A long page, with that somebody about."""

    def wait_for_turns() -> None:
        while True:
            turns.append(1)
            gevent.sleep(0)

    somebody = gevent.spawn(wait_for_turns)
    try:
        return render_template_string(LONG)
    finally:
        somebody.kill()


@on_both_databases
def test_others_have_their_turn_while_a_page_is_drawn(app: Flask, people: People, turns: list[int]) -> None:
    people.account("vera")
    with app.test_request_context():
        assert User.named("vera")  # it has been read from the database, as for any page
        assert draw(turns) == "".join(f"{number} " for number in range(100000))
    assert len(turns) > 3


def test_nobody_has_while_something_is_half_written(app: Flask, people: People, turns: list[int]) -> None:
    people.account("vera")
    with app.test_request_context():
        db.session.execute(update(User).values(role="streamer"))
        draw(turns)
        db.session.rollback()
        assert turns == []
        draw(turns)
    assert len(turns) > 3
