"""The overview's charts: what really happened, day by day, for the price of two statements."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from app.admin import charts
from app.audit.actor import Actor
from app.audit.event import record
from app.auth.user import User
from app.channels.channel import Channel
from app.chat.message import Message
from app.clock import Clock, now
from app.encryption.data_key import DataKey
from app.extensions import db
from tests.people import People
from tests.postgres import on_both_databases
from tests.statements import counted

DAY = timedelta(days=1).total_seconds()


def happened(event: str, actor: Actor, times: int = 1) -> None:
    """Put an event on record, now."""
    for _ in range(times):
        record(event, actor)
    db.session.commit()


@on_both_databases
def test_each_day_shows_what_happened_on_it(people: People, clock: Clock) -> None:
    ada, bo = people.account("ada", role="admin"), people.account("bo")
    first, second, stranger = Actor("ada", ada.id), Actor("bo", bo.id), Actor("visitor")
    for back, times in ((40, 9), (29, 3), (2, 1)):
        clock.offset_seconds = -back * DAY
        happened("application.submitted", stranger, times)
        happened("login.failed", stranger, times)
        happened("login.succeeded", first, times)
    clock.offset_seconds = -2 * DAY
    happened("login.succeeded", second, 4)
    happened("login.refused", stranger)
    clock.offset_seconds = 0
    real_now, channel = now(), Channel.open("bo", "Bo", bo)
    db.session.flush()
    for number, back in enumerate((0, 29, 29, 40), start=1):
        db.session.add(line(channel, bo, number, real_now - timedelta(days=back)))
    clock.offset_seconds = 0
    happened("application.approved", first)
    happened("application.rejected", first)
    with counted() as few:
        drawn = charts.last_days()
    assert len(few) == 2
    found = {chart["title"]: [day.number for day in chart["days"]] for chart in drawn}
    nothing = [0] * 26
    assert found == {
        "Applications": [3, *nothing, 1, 0, 0],
        "Decisions": [0, *nothing, 0, 0, 2],
        "People who signed in": [1, *nothing, 2, 0, 0],
        "Refused sign-ins": [3, *nothing, 2, 0, 0],
        "Messages": [2, *nothing, 0, 0, 1],
    }
    days = drawn[0]["days"]
    assert (days[0].on, days[-1].on) == ((now() - timedelta(days=29)).date(), now().date())
    assert (days[0].height, days[1].height, days[27].height) == (charts.HEIGHT, 0, 20)


def line(channel: Channel, author: User, number: int, sent_at: datetime) -> Message:
    """A message in the database, past the writer: only when it was sent matters here."""
    return Message(
        channel_id=channel.id,
        id=number,
        random_id=bytes(16),
        author_id=author.id,
        nonce=str(number),
        body=b"",
        data_key_id=db.session.scalars(select(DataKey.id)).first(),
        sent_at=sent_at,
    )


@on_both_databases
def test_the_page_says_it_in_a_drawing_in_words_and_in_a_table(people: People) -> None:
    ada = people.admin("ada")
    page = ada.get("/admin/").text
    assert 'aria-label="People who signed in a day: at most 1, 1 today"' in page
    assert page.count('<rect class="chart__bar"') == 1
    assert page.count('<td class="table__id">' + now().date().isoformat()) == len(charts.CHARTS) + 1
    assert people.viewer().get("/admin/").status_code == 403
