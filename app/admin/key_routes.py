"""The page about keys: which master key protects what, what was done to them last, how far a rotation has come."""

from __future__ import annotations

from flask import render_template

from app.admin.routes import admin
from app.admin.under_way import message_rotation
from app.auth.permissions import admins_only, in_the_background
from app.encryption import key_work
from app.encryption.key_work import KeyWork
from app.operations import key_status
from app.operations.preflight import KEYS_IN_WORDS


@admin.get("/security")
@admins_only
def security() -> str:
    """No key is on it, in whole or part: only their ids. What is done with keys is done on the command line."""
    keys = key_status.master_keys()
    return render_template(
        "admin/security.html",
        keys=keys,
        missing=[key["id"] for key in keys if key["missing"]],
        in_words=KEYS_IN_WORDS,
        **message_rotation(),
        last={
            "Master key": KeyWork.latest(key_work.MASTER, finished=True),
            "Messages": KeyWork.latest(key_work.MESSAGES, finished=True),
            "Verification": KeyWork.latest(key_work.VERIFICATION, finished=True),
        },
    )


@admin.get("/security/under-way")
@admins_only
@in_the_background
def rotation_under_way() -> str:
    """What the page asks for by itself until the rotation is done."""
    return render_template("admin/_rotation.html", **message_rotation())
