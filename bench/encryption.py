"""What encryption costs, in this process and on a database of its own, beside the bare Fernet that it rests on."""

from __future__ import annotations

import json
import os
import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask_migrate
from cryptography.fernet import Fernet
from sqlalchemy import insert, select

from app import create_app
from app.auth.user import User
from app.channels.channel import Channel
from app.chat import history, resealing
from app.chat.line import wire
from app.chat.message import Message, open_body, seal_body
from app.clock import now
from app.encryption import rotation
from app.encryption.data_key import MESSAGES, DataKeys, data_keys
from app.encryption.keyring import KeyRing
from app.extensions import db
from config import Settings

TEXT = "what people say in a chat, about as long as they say it"
DATA_KEYS = 1000

Figures = dict[str, dict[str, float]]


def measure(folder: Path, quick: bool) -> Figures:
    """Microseconds for each message (or page, or key): ours, the bare Fernet of the same work, and their ratio."""
    many, old = 20_000 if quick else 100_000, Fernet.generate_key().decode()
    url = f"sqlite:///{folder / 'encryption.db'}"
    settings = {"SECRET_KEY": secrets.token_hex(32), "ENCRYPTION_KEY": old, "DATABASE_URL": url}
    app = create_app(Settings.from_environment(settings))
    with app.app_context():
        flask_migrate.upgrade()
        data_keys().ensure_instance_keys()
        channel = _fill(many)
        found = {**_one_message(20_000), "page of 50": _page(channel), "rotation, a message": _rotation(many)}
        _more_keys()
        app.extensions["data_keys"] = DataKeys(KeyRing((Fernet.generate_key().decode(), old)))
        found["rotation, a data key"] = _master_rotation()
        db.session.remove()
        db.engine.dispose()
    return found


def table(figures: Figures) -> str:
    """The measurements as people read them."""
    lines = [f"{'':22}{'µs':>10}{'bare Fernet':>14}{'ratio':>8}"]
    for name, row in figures.items():
        lines.append(f"{name:22}{row['us']:10.1f}{row['bare_us']:14.1f}{row['us'] / row['bare_us']:8.2f}")
    page, rotation = figures["page of 50"], figures["rotation, a message"]
    lines += [
        f"a page: {page['us']:.0f} µs; goal: 1.5 x its decrypts and {page['rendering_us']:.0f} of rendering, "
        f"{page['goal_us']:.0f} µs: {'reached' if page['us'] <= page['goal_us'] else 'MISSED'}",
        f"rotation of the master key over {DATA_KEYS:,} data keys: "
        f"{figures['rotation, a data key']['us'] * DATA_KEYS / 1e6:.2f} s; goal: 0.5 s",
        f"rotation of messages: {rotation['bare_us'] / rotation['us']:.0%} of the rate of a bare loop; goal: 80 %: "
        f"{'reached' if rotation['bare_us'] >= 0.8 * rotation['us'] else 'MISSED'}",
    ]
    return "\n".join(lines)


def _fill(many: int) -> Channel:
    owner = User(username="keeper", username_key="keeper", password_hash="")
    db.session.add(owner)
    db.session.flush()
    channel = Channel.open("bench", "Bench", owner)
    db.session.flush()
    db.session.execute(insert(Message), list(_rows(channel, many)))
    channel.last_message_id = many
    db.session.commit()
    return channel


def _rows(channel: Channel, many: int) -> Iterator[dict[str, Any]]:
    key_id, key = data_keys().for_messages(channel.id, now())
    for number in range(1, many + 1):
        random_id = os.urandom(16)
        yield {
            "channel_id": channel.id,
            "id": number,
            "random_id": random_id,
            "author_id": channel.owner_id,
            "nonce": random_id.hex(),
            "body": seal_body(key, number, random_id, channel.id, channel.owner_id, TEXT),
            "data_key_id": key_id,
            "sent_at": now(),
        }


def _one_message(many: int) -> Figures:
    key, place = Fernet(Fernet.generate_key()), (1, os.urandom(16), 1, 1)
    body = seal_body(key, *place, TEXT)
    plain = key.decrypt(body)
    return {
        "encrypt": _beside(many, lambda: seal_body(key, *place, TEXT), lambda: key.encrypt(plain)),
        "decrypt": _beside(many, lambda: open_body(key, *place, body), lambda: key.decrypt(body)),
    }


def _page(channel: Channel) -> dict[str, float]:
    """A history page as a socket gets it: the statement, fifty texts, the JSON of fifty lines.

    Rendering is what is left of that when the texts are there already: the lines and their JSON. The HTML is not in it.
    """
    lines, _ = history.newest(channel)
    rows = db.session.execute(select(Message.body, Message.data_key_id).limit(history.PAGE)).all()
    key = data_keys().fernet(rows[0].data_key_id)
    assert key
    owner = channel.owner.username
    given = [
        (line["id"], channel.slug, owner, ["streamer"], "text", line["text"], line["sent_at"], None) for line in lines
    ]

    def rendering() -> str:
        return json.dumps([wire(*line) for line in given])

    # By turns, a page each: what disturbs the machine meanwhile disturbs all three.
    ways = (lambda: json.dumps(history.newest(channel)[0]), lambda: [key.decrypt(row.body) for row in rows], rendering)
    page, bare, rendered = (
        statistics.median(times) * 1e6
        for times in zip(*([_seconds(1, way) for way in ways] for _ in range(300)), strict=True)
    )
    return {"us": page, "bare_us": bare, "rendering_us": rendered, "goal_us": 1.5 * bare + rendered}


def _rotation(many: int) -> dict[str, float]:
    row = db.session.execute(select(Message.body, Message.data_key_id)).first()
    assert row
    old, new = data_keys().fernet(row.data_key_id), Fernet(Fernet.generate_key())
    assert old

    def bare() -> float:
        return _seconds(many // 2, lambda: new.encrypt(old.decrypt(row.body)))

    work, _ = resealing.begin(None)
    db.session.commit()
    before = bare()
    began = time.perf_counter()
    done = sum(resealing.run(work))
    seconds = time.perf_counter() - began
    assert done == many
    return {"us": seconds / many * 1e6, "bare_us": (before + bare()) / many * 1e6}


def _more_keys() -> None:
    for number in range(DATA_KEYS):
        data_keys().create(MESSAGES, 1_000_000 + number, "2026-01")
    db.session.commit()


def _master_rotation() -> dict[str, float]:
    old, new = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
    token = old.encrypt(Fernet.generate_key())
    bare = _seconds(DATA_KEYS, lambda: new.encrypt(old.decrypt(token)))
    began = time.perf_counter()
    done = sum(rotation.rewrap())
    return {"us": (time.perf_counter() - began) / done * 1e6, "bare_us": bare / DATA_KEYS * 1e6}


def _beside(times: int, ours: Callable[[], object], bare: Callable[[], object]) -> dict[str, float]:
    return {"us": _seconds(times, ours) / times * 1e6, "bare_us": _seconds(times, bare) / times * 1e6}


def _seconds(times: int, run: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(times):
        run()
    return time.perf_counter() - began
