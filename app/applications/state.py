"""The states of an application, and the only ways from one to another."""

from __future__ import annotations

from typing import NamedTuple

PENDING, NEEDS_INFORMATION, APPROVED = "pending", "needs_information", "approved"
REJECTED, WITHDRAWN, EXPIRED = "rejected", "withdrawn", "expired"
STATES = (PENDING, NEEDS_INFORMATION, APPROVED, REJECTED, WITHDRAWN, EXPIRED)
UNDECIDED = (PENDING, NEEDS_INFORMATION)


class Way(NamedTuple):
    """From which states a verb leads, and to which; ``to`` None: it stays where it is."""

    start: tuple[str, ...]
    to: str | None


# What anybody can do with an application. A verb that is not here, or not from that state, is refused.
WAYS = {
    "ask": Way(UNDECIDED, NEEDS_INFORMATION),
    "answer": Way((NEEDS_INFORMATION,), PENDING),
    "approve": Way(UNDECIDED, APPROVED),
    "reject": Way(UNDECIDED, REJECTED),
    "reopen": Way((REJECTED,), PENDING),
    "withdraw": Way(UNDECIDED, WITHDRAWN),
    "expire": Way((APPROVED,), EXPIRED),
    "reissue": Way((APPROVED, EXPIRED), APPROVED),
    "archive": Way((APPROVED, REJECTED, WITHDRAWN, EXPIRED), None),
}


def allows(status: str, verb: str) -> bool:
    """Whether ``verb`` may be done with an application that is ``status``."""
    return status in WAYS[verb].start


def after(status: str, verb: str) -> str:
    """The state that ``verb`` leads to from ``status``."""
    return WAYS[verb].to or status
