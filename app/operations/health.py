"""Whether what Streamzy stands on answers."""

from __future__ import annotations

import logging

from flask import current_app
from sqlalchemy import select

from app.encryption.data_key import DataKey, data_keys
from app.extensions import db

log = logging.getLogger(__name__)


def examine() -> dict[str, str]:
    """'ok' or 'down' for the database, the keys and, where it is used, Redis. Details go to the log only."""
    found = {"database": "ok", "keys": "ok"}
    try:
        key_id = db.session.scalar(select(DataKey.id).where(DataKey.state == "active").limit(1))
    except Exception:
        log.exception("the database does not answer")
        found["database"] = found["keys"] = "down"
    else:
        try:
            if key_id is None or data_keys().fernet(key_id) is None:
                found["keys"] = "down"
        except Exception as error:
            log.error("the keys cannot be used: %s", error)
            found["keys"] = "down"
    if current_app.config["STREAMZY"].redis_url:
        found["redis"] = "ok" if current_app.extensions["redis"].answers() else "down"
    return found
