"""The reference: the chat that the tutorials of these libraries add up to, and no more.

Same words as Streamzy's socket (join, send, message), same work for a line of chat (encrypt it with Fernet, store it,
commit, send it to everybody, acknowledge it), but written the plain way: one handler, one row and one commit a message,
the stock transport. It has no accounts, no limits and no rules.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from gevent import monkey

monkey.patch_all()

from cryptography.fernet import Fernet  # noqa: E402 - gevent has to patch the standard library before it is used
from flask import Flask  # noqa: E402
from flask_socketio import SocketIO, emit, join_room  # noqa: E402
from flask_sqlalchemy import SQLAlchemy  # noqa: E402
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column  # noqa: E402


class Base(DeclarativeBase):
    """The models' base."""


db = SQLAlchemy(model_class=Base)


class Message(db.Model):  # type: ignore[name-defined] # the extension makes this base at run time
    """One chat line."""

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(index=True)
    author: Mapped[str]
    sent_at: Mapped[datetime]
    body: Mapped[bytes]


app = Flask(__name__)
app.config["SECRET_KEY"] = os.urandom(32)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db.init_app(app)
socketio = SocketIO(app, async_mode="gevent")
fernet = Fernet(Fernet.generate_key())

with app.app_context():
    db.create_all()


@socketio.on("join")
def on_join(payload: dict[str, Any]) -> dict[str, Any]:
    """Enter a channel's room."""
    join_room(payload["channel"])
    return {"ok": True}


@socketio.on("send")
def on_send(payload: dict[str, Any]) -> dict[str, Any]:
    """Store one line, send it to the room, acknowledge it."""
    line = Message(
        channel=payload["channel"],
        author="somebody",
        sent_at=datetime.now(UTC),
        body=fernet.encrypt(payload["text"].encode()),
    )
    db.session.add(line)
    db.session.commit()
    sent_at = line.sent_at.isoformat()
    author = {"username": line.author, "badges": []}
    message = {"id": line.id, "channel": line.channel, "author": author, "kind": "text", "text": payload["text"]}
    emit("message", {**message, "sent_at": sent_at}, to=line.channel)
    return {"ok": True, "id": line.id, "sent_at": sent_at}


@socketio.on("history")
def on_history(payload: dict[str, Any]) -> dict[str, Any]:
    """The 50 lines before an id."""
    lines = Message.query.filter(Message.channel == payload["channel"], Message.id < payload["before"])
    messages = [
        {
            "id": line.id,
            "channel": line.channel,
            "author": {"username": line.author, "badges": []},
            "kind": "text",
            "text": fernet.decrypt(line.body).decode(),
            "sent_at": line.sent_at.isoformat(),
        }
        for line in reversed(lines.order_by(Message.id.desc()).limit(50).all())
    ]
    return {"ok": True, "messages": messages}


@app.get("/readyz")
def readyz() -> str:
    """Says that it serves."""
    return "ready"
