"""What becomes of applications by time alone: duties that need no visitor, done by one worker at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from flask import current_app

from app.applications import erasure, reveal
from app.workers.duty import duty


@duty("application_expiry", every=timedelta(minutes=5))
def expire() -> Iterator[int]:
    """Sign-ins that nobody fetched within seven days."""
    while changed := reveal.expire_all():
        yield changed


@duty("application_retention", every=timedelta(hours=1))
def retire() -> Iterator[int]:
    """Rejected and withdrawn applications, APPLICATION_RETENTION_DAYS after that; 0 keeps them."""
    days = current_app.config["STREAMZY"].application_retention_days
    while days and (erased := erasure.erase_overdue(days)):
        yield erased
