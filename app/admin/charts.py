"""The last 30 days in small charts, counted from the audit log: one statement, whatever happened."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, select

from app.audit.event import AuditEvent
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
    charts = []
    for title, events in CHARTS.items():
        numbers = [sum(counted.get((day, event), 0) for event in events) for day in days]
        most = max(numbers)
        bars = []
        for place, (day, number) in enumerate(zip(days, numbers, strict=True)):
            height = max(2, round(number * HEIGHT / most)) if number else 0
            bars.append(Day(day, number, place * STEP, HEIGHT - height, height))
        charts.append(
            {
                "title": title,
                "days": bars,
                "total": None if events == OF_PEOPLE else sum(numbers),
                "most": most,
                "today": numbers[-1],
            }
        )
    return charts


def _counted(first: date) -> dict[tuple[date, str], int]:
    since = datetime.combine(first, time(), UTC)
    at: Any = AuditEvent.at
    if db.session.get_bind().dialect.name == "postgresql":
        at = func.timezone("UTC", AuditEvent.at)  # a day is the same, whatever zone the database server is in
    day = func.date(at)
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
