"""Reading what a socket client sent: every field is of its type and size, or the payload is a bad request."""

from __future__ import annotations

from typing import Any

from app.chat.refusal import Refused
from app.security.text import UncleanText, clean_text

LARGEST_ID = 2**53 - 1  # what JavaScript counts exactly; PostgreSQL would refuse anything above 2**63


def one_object(arguments: tuple[Any, ...]) -> dict[str, Any]:
    """The event's one JSON object; an event without one has an empty object. Raises Refused."""
    if not arguments:
        return {}
    if len(arguments) != 1 or not isinstance(arguments[0], dict):
        raise Refused("bad_request", "Send one JSON object.")
    return arguments[0]


def text(payload: dict[str, Any], name: str, longest: int | None = None) -> str:
    """A string, of 1 to ``longest`` printable characters if that is given. Raises Refused."""
    value = payload.get(name)
    if not isinstance(value, str) or (longest is not None and not (0 < len(value) <= longest and value.isprintable())):
        raise Refused("bad_request", f"{name} must be text" + (f" of 1 to {longest} characters." if longest else "."))
    return value


def number(
    payload: dict[str, Any], name: str, *, default: int | None = None, least: int = 0, most: int = LARGEST_ID
) -> int | None:
    """A whole number within bounds, or ``default`` when it is absent. Raises Refused."""
    value = payload.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Refused("bad_request", f"{name} must be a whole number from {least} to {most}.")
    return value


def words(payload: dict[str, Any], name: str, longest: int) -> str:
    """One line that people read, cleaned, or "" when it is absent. Raises Refused."""
    value = payload.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 4 * longest:
        raise Refused("bad_request", f"{name} must be text of at most {longest} characters.")
    try:
        cleaned = clean_text(value, multiline=False)
    except UncleanText:
        raise Refused("bad_request", f"{name} holds characters that cannot be stored.") from None
    if len(cleaned) > longest:
        raise Refused("bad_request", f"{name} must be text of at most {longest} characters.")
    return cleaned


def switch(payload: dict[str, Any], name: str, *, default: bool | None = None) -> bool:
    """true or false; ``default`` when it is absent, without which it must be there. Raises Refused."""
    value = payload.get(name, default)
    if not isinstance(value, bool):
        raise Refused("bad_request", f"{name} must be true or false.")
    return value
