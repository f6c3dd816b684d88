"""How long an answer usually takes, from real figures; nothing is said where there are too few."""

from __future__ import annotations

import statistics
from datetime import timedelta

from sqlalchemy import select

from app.applications.state import APPROVED, EXPIRED, REJECTED
from app.applications.streamer_application import StreamerApplication
from app.clock import now
from app.extensions import db

FEWEST = 5
LOOK_AT = 100
WITHIN = timedelta(days=180)


def usual() -> timedelta | None:
    """The median wait of the last 100 decisions within half a year; None where there are fewer than five."""
    cls = StreamerApplication
    decided = (
        select(cls.submitted_at, cls.decided_at)
        .where(cls.status.in_((APPROVED, REJECTED, EXPIRED)), cls.decided_at > now() - WITHIN)
        .order_by(cls.decided_at.desc())
        .limit(LOOK_AT)
    )
    waits = [row.decided_at - row.submitted_at for row in db.session.execute(decided)]
    return statistics.median(waits) if len(waits) >= FEWEST else None


def in_words(wait: timedelta | None) -> str | None:
    """'within an hour', 'within 5 hours', 'within 3 days': rounded up, so that it is kept more often than not."""
    if wait is None:
        return None
    hours = -(-int(wait.total_seconds()) // 3600)
    if hours <= 1:
        return "within an hour"
    return f"within {hours} hours" if hours <= 36 else f"within {-(-hours // 24)} days"
