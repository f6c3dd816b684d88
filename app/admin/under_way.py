"""Long work as the admins' pages show it: how far it is, how fast it goes and how long it still takes."""

from __future__ import annotations

from typing import Any

from app.audit import verification
from app.encryption import key_work
from app.encryption.key_work import KeyWork


def message_rotation() -> dict[str, Any]:
    """The rotation of messages that has not ended: ``under_way`` is None where there is none."""
    work = KeyWork.latest(key_work.MESSAGES)
    return _shown(work if work and work.finished_at is None else None)


def audit_verification() -> dict[str, Any]:
    """The newest verification of the audit log, and whether somebody is at it."""
    work = verification.latest()
    return {**_shown(work if verification.is_under_way(work) else None), "verified": work}


def _shown(work: KeyWork | None) -> dict[str, Any]:
    left = work.seconds_left if work else None
    return {
        "under_way": work,
        "share": int(100 * work.done / work.total) if work and work.total else 0,
        "time_left": "" if left is None else _in_words(left),
    }


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
