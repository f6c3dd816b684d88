"""The address that an application asks for: nobody else gets it until the application is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.auth import name as names
from app.auth.user import User
from app.extensions import db

if TYPE_CHECKING:
    from app.applications.streamer_application import StreamerApplication


def check(slug: str, applicant: User | None) -> None:
    """Raise NameRefused where ``slug`` may be no address, or is taken. It may be otherwise a moment later."""
    names.check_slug(slug)
    check_free(slug, applicant)


def check_free(slug: str, applicant: User | None) -> None:
    """Raise NameRefused where ``slug``, or what looks like it, is taken. Nothing is reserved by asking."""
    if not _is_own(slug, applicant) and names.is_taken(slug):
        raise names.NameRefused(names.TAKEN)


def reserve(application: StreamerApplication) -> None:
    """Hold its address. Raises NameRefused when somebody else has it."""
    applicant = db.session.get(User, application.applicant_id) if application.applicant_id is not None else None
    if not _is_own(application.slug, applicant):
        names.take(application.slug, "application")


def give_back(application: StreamerApplication) -> None:
    """Others may ask for its address again."""
    names.release_reservation(application.slug)


def _is_own(slug: str, applicant: User | None) -> bool:
    """Whether the applicant's own account holds it: it may become their channel's, too."""
    return applicant is not None and names.appearance(slug) == names.appearance(applicant.username)
