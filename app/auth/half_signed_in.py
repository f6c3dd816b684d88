"""Half signed in: the password was right, and the second factor is still asked for."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Any, NamedTuple

from app.auth.user import User
from app.clock import now
from app.encryption.data_key import data_keys
from app.extensions import db

KEY = "half_signed_in"  # where the cookie keeps it
LIFETIME = timedelta(minutes=5)


class HalfSignedIn(NamedTuple):
    """Who gave the right password, and where they were going."""

    user: User
    then: str
    password_hash: str | None


def remember(user: User, then: str) -> dict[str, Any]:
    """What the browser's signed cookie keeps meanwhile. It opens nothing."""
    at = now().timestamp()
    return {"account": user.id, "at": at, "then": then, "proof": _proof(user, at)}


def recall(kept: Any) -> HalfSignedIn | None:
    """Who is half signed in, or None when five minutes are over, the password is another, or the account is shut."""
    try:
        account_id, at, then, proof = int(kept["account"]), float(kept["at"]), str(kept["then"]), str(kept["proof"])
    except (KeyError, TypeError, ValueError):
        return None
    if not 0 <= now().timestamp() - at <= LIFETIME.total_seconds():
        return None
    user = db.session.get(User, account_id, populate_existing=True)
    if user is None or user.is_disabled or not hmac.compare_digest(proof, _proof(user, at)):
        return None
    return HalfSignedIn(user, then, user.password_hash)


def _proof(user: User, at: float) -> str:
    # Bound to the password's hash, so that a changed password ends it. Under a data key: SECRET_KEY signs the cookie,
    # but whoever has that alone must not skip the password.
    return data_keys().lookup_hash(f"half signed in:{user.id}:{at!r}:{user.password_hash}").hex()
