"""What others hear of an application as soon as the act commits: admins with the queue open, in every process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.auth.announcement import announce

if TYPE_CHECKING:
    from app.applications.streamer_application import StreamerApplication

KIND = "application_changed"


def tell(application: StreamerApplication, step: str) -> None:
    """Announce that ``step`` (see ``timeline.STEPS``; also 'claimed' and 'released') happened to ``application``."""
    announce(KIND, details={"id": application.id, "status": application.status, "step": step})
