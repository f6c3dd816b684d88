"""Lists of the dashboard come in pages of 50; which one is in the address."""

from __future__ import annotations

PAGE = 50
LAST = 10**6


def number(asked: str) -> int | None:
    """The page that the address asks for, from 1; None when that is no number."""
    if not (asked.isascii() and asked.isdigit()):
        return None
    return min(int(asked[:7]), LAST) or 1


def pages(total: int) -> int:
    """How many pages ``total`` rows fill: one at least."""
    return max(1, -(-total // PAGE))


def offset(page: int) -> int:
    """How many rows come before ``page``."""
    return (page - 1) * PAGE


def words(text: str, longest: int = 64) -> str:
    """What was typed into a search box, fit to be searched for. PostgreSQL refuses NUL."""
    return text.strip().replace("\0", "")[:longest]
