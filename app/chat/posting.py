"""The one way into the chat: every rule a message must pass, in the order in which refusing is cheapest."""

from __future__ import annotations

from flask import current_app

from app.audit.event import record
from app.channels.channel import Channel
from app.chat import history
from app.chat.admission import held_back
from app.chat.connections import Connection, Place
from app.chat.message import LONGEST
from app.chat.refusal import Refused
from app.chat.writer import Answer, Draft, Writer
from app.encryption.data_key import data_keys
from app.extensions import db
from app.security.input_validation import attack_rule
from app.security.rate_limits import RateLimited, spend
from app.security.text import UncleanText, clean_text, is_blank


def post(author: Connection, place: Place, text: str, nonce: str, reply_to: int | None, answer: Answer) -> None:
    """Store and broadcast what ``author`` says in ``place``; ``answer`` is called once that is done, or refused.

    Raises Refused when it is refused at once.
    """
    if author.user_id is None or author.session_id is None:
        raise Refused("not_signed_in")
    if author.must_change_password:
        raise Refused("must_change_password")
    if current_app.extensions["listener"].deaf:
        raise Refused("unavailable")
    try:
        spend("messages", f"account:{author.user_id}")  # over all sockets of the account: reconnecting refills nothing
    except RateLimited as limited:
        raise Refused("rate_limited", retry_after=limited.retry_after) from None
    kind, said = _read(text)
    if rule := attack_rule(said):
        _record_block(author, place, rule, said)
        raise Refused("blocked")
    if restraint := place.held_back_by:
        raise held_back(restraint.until)
    if not place.may_write:
        raise Refused("members_only")
    draft = Draft(
        channel_id=place.channel_id,
        slug=place.slug,
        author_id=author.user_id,
        session_id=author.session_id,
        username=author.username,
        badges=place.badges,
        kind=kind,
        text=said,
        nonce=nonce,
        reply_to=_quote(place, reply_to),
    )
    writer: Writer = current_app.extensions["writer"]
    writer.take(draft, answer)


MOST_LINES = 12  # of one message: more would push what others said off the screen


def _read(text: str) -> tuple[str, str]:
    """The kind and the cleaned text of what was typed. Raises Refused."""
    if len(text) > 4 * LONGEST:  # before any work is spent on it
        raise Refused("too_long")
    try:
        said = clean_text(text, multiline=True)
    except UncleanText:
        raise Refused("bad_request", "The text holds characters that cannot be sent.") from None
    kind = "text"
    if said.startswith("//"):
        said = said[1:]
    elif said == "/me" or said.startswith("/me "):
        kind, said = "me", said[3:].strip()
    elif said.startswith("/"):
        raise Refused("unknown_command")
    if is_blank(said):
        raise Refused("empty")
    *lines, rest = said.split("\n", MOST_LINES - 1)
    said = "\n".join([*lines, " ".join(rest.split("\n"))])
    if len(said) > LONGEST:
        raise Refused("too_long")
    return kind, said


def _quote(place: Place, reply_to: int | None) -> dict[str, object] | None:
    if reply_to is None:
        return None
    channel = db.session.get_one(Channel, place.channel_id)
    quoted = history.quoted(channel, reply_to)
    if quoted is None:
        raise Refused("not_found", "The message you answer is gone.")
    return quoted


def _record_block(author: Connection, place: Place, rule: str, text: str) -> None:
    # The text itself is kept nowhere in clear: a keyed hash shows whether two blocks were of one text.
    record(
        "input.blocked",
        author.actor,
        target_kind="channel",
        target_id=place.channel_id,
        target_name=place.slug,
        rule=rule,
        length=len(text),
        text_hash=data_keys().lookup_hash(text).hex(),
    )
    db.session.commit()
