"""The deployment checklist: what a box is, and what looking at one may find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from config import Settings


class Finding(NamedTuple):
    """What one look found. ``ok`` is None for what a program cannot see."""

    ok: bool | None
    sentence: str
    hint: str = ""


def well(sentence: str) -> Finding:
    """It is as it should be."""
    return Finding(True, sentence)


def unwell(sentence: str, hint: str) -> Finding:
    """It is not; ``hint`` says what to do."""
    return Finding(False, sentence, hint)


Look = Callable[[Settings], Finding]


@dataclass(frozen=True)
class Box:
    """One line of the checklist.

    ``fails``: always, in production only, or never (then it warns). ``needs``: what has to be there to look at all.
    """

    name: str
    look: Look
    fails: Literal["always", "in production", "never"]
    needs: Literal["", "database", "schema"]


class Checklist:
    """Boxes in the order in which they were written down."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []

    def box(
        self,
        name: str,
        *,
        fails: Literal["always", "in production", "never"] = "always",
        needs: Literal["", "database", "schema"] = "",
    ) -> Callable[[Look], Look]:
        """Decorate a function that looks at one thing."""

        def add(look: Look) -> Look:
            self.boxes.append(Box(name, look, fails, needs))
            return look

        return add
