"""Who may say what at the moment of storing it: asked inside the writer's transaction, once for a whole batch.

Whatever a connection was told before may be old news. The writer holds the channel's row here, and so does whoever
bans, times out or changes a mode: a send that races them is stored before, or refused.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import unicodedata
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, and_, bindparam, func, select

from app.auth.session import UserSession
from app.auth.user import User
from app.channels.membership import MODERATOR, Membership
from app.channels.sanction import Sanction
from app.chat.message import Message
from app.chat.refusal import Refused
from app.clock import now

if TYPE_CHECKING:
    from app.chat.writer import Draft

SAME_WITHIN = timedelta(seconds=30)

# What was said lately, through any process: fingerprints under a key of this process, never texts. In memory, since a
# stored fingerprint would tell which sealed messages are alike.
Said = tuple[int, str, bytes]  # a channel's id, an author's name, a fingerprint
_said: OrderedDict[Said, datetime] = OrderedDict()
_key = secrets.token_bytes(32)


# Built once: SQLAlchemy takes longer to build these than the database to answer them.
# Sessions that live at this moment, their accounts' roles, and what holds these back: a send that races a sign-out or a
# ban is not stored. An account has a row for each of its sanctions, or one without.
SIGNED_IN = (
    select(UserSession.id, User.role, Sanction.id, Sanction.until)
    .join(User, User.id == UserSession.account_id)
    .outerjoin(
        Sanction,
        and_(Sanction.account_id == User.id, *Sanction.holding(bindparam("channel"), bindparam("moment"))),
    )
    .where(
        UserSession.id.in_(bindparam("sessions", expanding=True)),
        UserSession.ended_at.is_(None),
        User.disabled_at.is_(None),
        User.must_change_password.is_(False),
    )
)


def held_back(until: datetime | None) -> Refused:
    """The refusal of somebody who is banned (None) or timed out."""
    if until is None:
        return Refused("banned")
    return Refused("timed_out", retry_after=_seconds(until - now()))


class Admission:
    """The rules of one channel for one batch."""

    def __init__(self, channel_id: int, rules: Any) -> None:
        self.channel_id, self.rules = channel_id, rules
        self.moment = now()
        self._account_roles: dict[int, str] = {}
        self._sanctions: dict[int, list[datetime | None]] = {}
        self._roles: dict[int, str] = {}
        self._last_said: dict[int, datetime] = {}
        self._quotable: set[int] = set()
        self._accepted: list[Said] = []

    def look_up(self, connection: Connection, drafts: Sequence[Draft]) -> None:
        """Read what the drafts' authors may do: one query, and one more for each mode that is on."""
        sessions = list({draft.session_id for draft in drafts})
        about = {"sessions": sessions, "channel": self.channel_id, "moment": self.moment}
        for session_id, role, sanction_id, until in connection.execute(SIGNED_IN, about):
            self._account_roles[session_id] = role
            if sanction_id is not None:
                self._sanctions.setdefault(session_id, []).append(until)
        authors, rules = {draft.author_id for draft in drafts}, self.rules
        if rules.members_only or rules.access == "private" or rules.slow_mode_seconds or rules.unique_messages:
            roles = select(Membership.account_id, Membership.role).where(Membership.channel_id == self.channel_id)
            self._roles = _by_first(connection, roles.where(Membership.account_id.in_(authors)))
            self._roles[rules.owner_id] = "streamer"
        if rules.slow_mode_seconds:
            self._last_said = self._last_said_by(connection, authors)
        if replies := {draft.reply_to["id"] for draft in drafts if draft.reply_to}:
            there = select(Message.id).where(Message.channel_id == self.channel_id, Message.id.in_(replies))
            self._quotable = set(connection.scalars(there.where(Message.deleted_at.is_(None))))

    def refusal(self, draft: Draft) -> Refused | None:
        """Why ``draft`` may not be stored, or None; then it counts as said for those after it."""
        if draft.session_id not in self._account_roles:
            return Refused("not_signed_in")
        if sanctions := self._sanctions.get(draft.session_id):
            return held_back(None if None in sanctions else max(until for until in sanctions if until))
        role, admin = self._roles.get(draft.author_id), self._account_roles[draft.session_id] == "admin"
        if self.rules.access == "private" and role is None:
            return Refused("not_found")
        if self.rules.members_only and role is None and not admin:
            return Refused("members_only")
        if draft.reply_to and draft.reply_to["id"] not in self._quotable:
            return Refused("not_found", "The message you answer is gone.")
        return None if admin or role in (MODERATOR, "streamer") else self._too_soon(draft)

    def remember(self) -> None:
        """The batch is stored: what was said in it may not be repeated at once."""
        _remember(self._accepted, self.moment)

    def _too_soon(self, draft: Draft) -> Refused | None:
        before = self._last_said.get(draft.author_id)
        pause = timedelta(seconds=self.rules.slow_mode_seconds)
        if before is not None and before > self.moment - pause:
            return Refused("slow_mode", retry_after=_seconds(before + pause - self.moment))
        if self.rules.unique_messages:
            said = (self.channel_id, draft.username, _fingerprint(draft.text))
            if _said_at(said, self.moment) or said in self._accepted:
                return Refused("duplicate")
            self._accepted.append(said)
        if pause:
            self._last_said[draft.author_id] = self.moment
        return None

    def _last_said_by(self, connection: Connection, authors: set[int]) -> dict[int, datetime]:
        since = self.moment - timedelta(seconds=self.rules.slow_mode_seconds)
        said = select(Message.author_id, func.max(Message.sent_at)).where(
            Message.channel_id == self.channel_id,
            Message.author_id.in_(authors),
            Message.sent_at > since,
            Message.sent_at <= self.moment,  # the clock may have been set back: nobody waits until it has caught up
        )
        return _by_first(connection, said.group_by(Message.author_id))


def _by_first(connection: Connection, query: Select[*tuple[Any, ...]]) -> dict[int, Any]:
    return {row[0]: row[1] for row in connection.execute(query)}


def _fingerprint(text: str) -> bytes:
    """One for texts that look alike to a reader: case, width and spaces make no difference."""
    normalised = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return hashlib.blake2b(normalised.encode(), key=_key, digest_size=16).digest()


def heard(channel_id: int, messages: Sequence[dict[str, Any]]) -> None:
    """Another process stored ``messages``: their authors may not say the same again through this one either."""
    said = [(channel_id, message["author"]["username"], _fingerprint(message["text"])) for message in messages]
    _remember(said, now())


def _remember(many: Sequence[Said], moment: datetime) -> None:
    while _said and not moment - SAME_WITHIN < next(iter(_said.values())) <= moment:
        _said.popitem(last=False)
    for said in many:
        _said[said] = moment
        _said.move_to_end(said)


def _said_at(said: Said, moment: datetime) -> bool:
    at = _said.get(said)
    return at is not None and moment - SAME_WITHIN < at <= moment


def _seconds(left: timedelta) -> int:
    return max(1, math.ceil(left.total_seconds()))
