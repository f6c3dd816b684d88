"""The dashboard's first page. Its other doors are in files of their own, on this blueprint."""

from __future__ import annotations

from flask import Blueprint, render_template

from app.admin import overview as overviews
from app.auth.permissions import admins_only

admin = Blueprint("admin", __name__, url_prefix="/admin")


@admin.get("/")
@admins_only
def overview() -> str:
    """First what needs doing, then the numbers, then the record."""
    return render_template("admin/overview.html", **overviews.overview())
