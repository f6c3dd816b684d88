"""Door: a streamer downloads what was said in the channel."""

from __future__ import annotations

from flask import Response as FlaskResponse
from flask import abort, request, stream_with_context
from werkzeug.wrappers import Response

from app.auth.permissions import ask_to_confirm, channel_keepers_only, the_session
from app.channels.policy import NotAllowed
from app.chat import transcript
from app.chat.settings_routes import refuse, setting_up, settings_pages
from app.clock import now
from app.extensions import db
from app.security.page_limits import limited


@settings_pages.post("/transcript")
@channel_keepers_only
@limited("exports")
def download_transcript(slug: str) -> Response:
    """Every message that is still there, written while it is read. The streamer's alone: admins read no channel."""
    acting = setting_up(slug)
    wanted = request.form.get("format", "")
    if wanted not in transcript.FORMATS:
        abort(400, "Choose one of the three formats.")
    if acting.user.id != acting.channel.owner_id:
        refuse(NotAllowed(acting, "export", None))
    if not the_session().is_confirmed():
        return ask_to_confirm()
    channel_id = acting.channel.id
    acting.note("channel.exported", format=wanted, messages=transcript.count(channel_id))
    db.session.commit()
    mimetype, written = transcript.FORMATS[wanted]
    return FlaskResponse(
        stream_with_context(written(transcript.lines(channel_id))),
        mimetype=mimetype,
        headers={
            "Content-Disposition": f'attachment; filename="{slug}-{now():%Y-%m-%d}.{wanted}"',
            "Cache-Control": "no-store",
        },
    )
