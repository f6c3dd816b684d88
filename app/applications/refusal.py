"""Why an act on an application is refused: nothing has happened then."""

from __future__ import annotations


class StaleDecision(Exception):
    """The application is not in the state that was looked at.

    Ask the row, read anew after the rollback, ``what_became_of_it()``: what is here may be what was true before.
    """


class OwnApplication(Exception):
    """Nobody decides their own application."""


class CannotDecide(Exception):
    """The state is right and still it cannot be done; ``str()`` says why."""


class NotRevealable(Exception):
    """The sign-in was revealed already, or cannot be any more."""
