"""The last 30 days in small charts, counted from the audit log and from the messages: a statement each."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select

from app.audit.event import AuditEvent
from app.channels.channel import Channel
from app.chat.message import Message
from app.clock import now
from app.extensions import db

DAYS = 30
STEP, HEIGHT = 10, 60
# What each chart counts. People are counted once a day: how many different accounts signed in.
CHARTS = {
    "Applications": ("application.submitted",),
    "Decisions": ("application.approved", "application.rejected"),
    "People who signed in": ("login.succeeded",),
    "Refused sign-ins": ("login.failed", "login.refused", "login.second_factor_failed"),
}
OF_PEOPLE = ("login.succeeded",)
MESSAGES = "Messages"


class Day(NamedTuple):
    """One day (UTC) of a chart, and its bar in units of the drawing."""

    on: date
    number: int
    x: int
    y: int
    height: int


def last_days() -> list[dict[str, Any]]:
    """Each chart: its title, its days from the oldest to today, their sum (not of people) and the most of one day."""
    today = now().date()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    counted = _counted(days[0])
    charts = [
        _chart(
            title, days, [sum(counted.get((day, event), 0) for event in events) for day in days], events == OF_PEOPLE
        )
        for title, events in CHARTS.items()
    ]
    messages = _messages(days[0])
    return [*charts, _chart(MESSAGES, days, [messages.get(day, 0) for day in days])]


def _chart(title: str, days: list[date], numbers: list[int], of_people: bool = False) -> dict[str, Any]:
    most = max(numbers)
    bars = []
    for place, (day, number) in enumerate(zip(days, numbers, strict=True)):
        height = max(2, round(number * HEIGHT / most)) if number else 0
        bars.append(Day(day, number, place * STEP, HEIGHT - height, height))
    return {
        "title": title,
        "days": bars,
        "total": None if of_people else sum(numbers),
        "most": most,
        "today": numbers[-1],
    }


def _counted(first: date) -> dict[tuple[date, str], int]:
    since, day = datetime.combine(first, time(), UTC), _day(AuditEvent.at)
    names = [name for events in CHARTS.values() for name in events]
    rows = db.session.execute(
        select(day, AuditEvent.event, func.count(), func.count(AuditEvent.actor_id.distinct()))
        .where(AuditEvent.event.in_(names), AuditEvent.at >= since)
        .group_by(day, AuditEvent.event)
    )
    return {
        (date.fromisoformat(str(on)), event): people if event in OF_PEOPLE else number
        for on, event, number, people in rows
    }


def _messages(first: date) -> dict[date, int]:
    """Messages that are still there, by day. Channel by channel, for that is how they are indexed by time."""
    since, day = datetime.combine(first, time(), UTC), _day(Message.sent_at)
    recent = and_(Message.channel_id == Channel.id, Message.sent_at >= since)
    counted = select(day, func.count()).select_from(Channel).join(Message, recent).group_by(day)
    return {date.fromisoformat(str(on)): number for on, number in db.session.execute(counted)}


def _day(moment: Any) -> Any:
    if db.session.get_bind().dialect.name == "postgresql":
        moment = func.timezone("UTC", moment)  # a day is the same, whatever zone the database server is in
    return func.date(moment)
