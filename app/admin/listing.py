"""A list of the dashboard: narrowed by a text and by choices, in pages of 50, with all of that in the address.

Users, channels and applications are listed by it: each says which choices there are and which rows match.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flask import url_for
from sqlalchemy import Select

from app.extensions import db

PAGE = 50
LAST = 10**6
LONGEST_TEXT = 64


class Choice(NamedTuple):
    """One way to narrow a list: its name in the address, its label, and what each value is called.

    The first value is meant where the address says nothing.
    """

    name: str
    label: str
    values: Mapping[str, str]

    @property
    def default(self) -> str:
        """The value that need not be said."""
        return next(iter(self.values))


@dataclass(frozen=True)
class Listing:
    """What of a list is asked for. ``endpoint`` is its page; ``text`` what was typed into its search box."""

    endpoint: str
    choices: tuple[Choice, ...]
    text: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    page: int = 1

    def __getitem__(self, name: str) -> str:
        return self.chosen[name]

    @property
    def narrowed(self) -> bool:
        """Whether anything but the list as it opens is asked for."""
        return bool(self.query())

    def query(self, **changed: str) -> dict[str, str]:
        """The query of this list's address, with what is ``changed``; what need not be said is left out."""
        said = {"name": self.text, **self.chosen, **changed}
        defaults = {"name": "", **{choice.name: choice.default for choice in self.choices}}
        return {name: value for name, value in said.items() if value != defaults[name]}

    def address(self, page: int = 1, **changed: str) -> str:
        """Where ``page`` of this list is, with what is ``changed``."""
        query: dict[str, Any] = {"page": page if page > 1 else None, **self.query(**changed)}
        return url_for(self.endpoint, **query)

    def found(self, rows: Select[Any], counted: Select[Any]) -> dict[str, Any]:
        """This page of ``rows`` in two statements, however many there are; ``counted`` counts all of them."""
        total = db.session.scalar(counted) or 0
        on_page = rows.limit(PAGE).offset((self.page - 1) * PAGE)
        pages = max(1, -(-total // PAGE))
        return {"rows": list(db.session.execute(on_page).all()), "total": total, "pages": pages, "asked": self}


def asked(endpoint: str, arguments: Any, *choices: Choice) -> Listing | None:
    """What the query of the page's address asks for, or None when it makes no sense."""
    chosen = {choice.name: arguments.get(choice.name, choice.default) for choice in choices}
    page = _number(arguments.get("page", "1"))
    if page is None or any(chosen[choice.name] not in choice.values for choice in choices):
        return None
    text = arguments.get("name", "").strip().replace("\0", "")[:LONGEST_TEXT]  # PostgreSQL refuses NUL
    return Listing(endpoint, choices, text, chosen, page)


def _number(said: str) -> int | None:
    if not (said.isascii() and said.isdigit()):
        return None
    return min(int(said[:7]), LAST) or 1
