"""Doors: the form for applying."""

from __future__ import annotations

from flask import Blueprint, current_app, jsonify, render_template, request, url_for
from werkzeug.wrappers import Response

from app.applications import address, turnaround
from app.applications.contact import network_hash
from app.applications.forms import ApplicationForm
from app.applications.streamer_application import StreamerApplication
from app.audit.event import record
from app.auth.name import LONGEST, NameRefused
from app.auth.permissions import ask_to_sign_in, current_actor, current_user, open_to_everyone
from app.encryption.data_key import data_keys
from app.extensions import db
from app.security.page_limits import limited
from app.security.rate_limits import address_key, spend
from app.security.typed_form import TypedForm

applications = Blueprint("applications", __name__, url_prefix="/apply")


@applications.route("", methods=["GET", "POST"])
@open_to_everyone
@limited("applications")
def apply() -> str | tuple[str, int] | Response:
    """Apply; the answer holds the private link, the only way back."""
    if request.method == "POST" and "as_account" in request.form and current_user() is None:
        return ask_to_sign_in()  # or it would go out as a stranger's, and make a second account
    form = ApplicationForm()
    if not form.validate_on_submit():
        record_blocks(form)
        return _form_page(form), 400 if form.is_submitted() else 200
    try:
        application, token = StreamerApplication.submit(
            email=form.email.data or "",
            channel_name=form.channel_name.data or "",
            slug=form.slug.data or "",
            about=form.about.data or "",
            links=form.link_list(),
            applicant=current_user(),
            network=network_hash(request.remote_addr or ""),
        )
    except NameRefused as refused:
        db.session.rollback()
        form.slug.errors = [str(refused)]
        return _form_page(form), 409
    record("application.submitted", current_actor("applicant"), **application.target())
    db.session.commit()
    return render_template(
        "applications/submitted.html",
        application=application,
        token=token,
        status_url=url_for("applications.status", token=token, _external=True),
        mailed=bool(current_app.config["STREAMZY"].mail_server),
    )


@applications.get("/address")
@open_to_everyone
def check_address() -> Response:
    """Whether ``slug`` could be had just now, in the words that the form itself would use; asked while one types."""
    spend("address_checks", address_key(request.remote_addr))
    slug = request.args.get("slug", "").strip().lower()
    try:
        address.check(slug[: 2 * LONGEST], current_user())
    except NameRefused as refused:
        return jsonify(slug=slug, free=False, message=str(refused))
    return jsonify(slug=slug, free=True, message="This address is free.")


def _form_page(form: ApplicationForm) -> str:
    return render_template(
        "applications/apply.html",
        form=form,
        mailed=bool(current_app.config["STREAMZY"].mail_server),
        usual_wait=turnaround.in_words(turnaround.usual()),
        retention_days=current_app.config["STREAMZY"].application_retention_days,
    )


@applications.after_request
def _keep_private(response: Response) -> Response:
    # The link is the applicant's only credential: no cache, no index, no referrer may carry it away.
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def record_blocks(form: TypedForm) -> None:
    """Put on record what looked like an attack, without its text; commits, for the act itself is refused."""
    for field, rule in form.blocked_rules.items():
        text = str(form[field].data)
        record(
            "input.blocked",
            current_actor("applicant"),
            target_kind="application",
            rule=rule,
            field=field,
            length=len(text),
            text_hash=data_keys().lookup_hash(text).hex(),
        )
    db.session.commit()
