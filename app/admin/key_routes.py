"""The page about keys: which master key protects what, what was done to them last, how far a rotation has come."""

from __future__ import annotations

from flask import render_template

from app.admin.routes import admin
from app.auth.permissions import admins_only
from app.encryption import key_work
from app.encryption.key_work import KeyWork
from app.operations import key_status
from app.operations.preflight import KEYS_IN_WORDS


@admin.get("/security")
@admins_only
def security() -> str:
    """No key is on it, in whole or part: only their ids. What is done with keys is done on the command line."""
    keys = key_status.master_keys()
    rotation, under_way = KeyWork.latest(key_work.MESSAGES), None
    if rotation and rotation.finished_at is None:
        under_way = rotation
    return render_template(
        "admin/security.html",
        keys=keys,
        missing=[key["id"] for key in keys if key["missing"]],
        in_words=KEYS_IN_WORDS,
        under_way=under_way,
        time_left=_in_words(under_way.seconds_left) if under_way and under_way.seconds_left is not None else "",
        last={
            "Master key": KeyWork.latest(key_work.MASTER, finished=True),
            "Messages": KeyWork.latest(key_work.MESSAGES, finished=True),
            "Verification": KeyWork.latest(key_work.VERIFICATION, finished=True),
        },
    )


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
