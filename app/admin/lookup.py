"""What a number in an address or in a form stands for. One that no database would take stands for nothing."""

from __future__ import annotations

from typing import Any, TypeVar

from flask import abort

from app.extensions import db

LARGEST = 2**31 - 1  # PostgreSQL's integer
Row = TypeVar("Row")


def row_or_404(kind: type[Row], number: int) -> Row:
    """The row of ``kind`` with this id as it stands in the database now; where there is none the answer is 404."""
    found = db.session.get(kind, number, populate_existing=True) if number <= LARGEST else None
    return found if found is not None else abort(404)


def number_in(said: Any) -> int | None:
    """The id that a text says, or None: "7", but neither "+7" nor "٧" nor a hundred digits."""
    readable = isinstance(said, str) and said.isascii() and said.isdigit() and len(said) <= 10
    return int(said) if readable and int(said) <= LARGEST else None
