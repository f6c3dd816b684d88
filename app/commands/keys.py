"""``flask keys``: the master keys of ENCRYPTION_KEY and what hangs on each. No command here prints a key in use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
from cryptography.fernet import Fernet
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import func, select, tuple_

from app.audit.actor import Actor
from app.audit.event import record
from app.auth.announcement import announce
from app.channels.channel import Channel
from app.chat.message import Message, context
from app.commands.door import Command, Failed, Group, table
from app.encryption.data_key import MESSAGES, DataKey, data_keys
from app.encryption.keyring import EncryptionKeyError
from app.encryption.rotation import rewrap
from app.encryption.sealed import unseal
from app.extensions import db
from app.operations.preflight import key_ring

PAGE = 1000

keys = Group("keys", help="The keys that messages are encrypted with.")


@keys.command("generate", cls=Command)
def generate() -> None:
    """Print a new Fernet key for ENCRYPTION_KEY. It is stored nowhere."""
    click.echo(Fernet.generate_key().decode())


@keys.command("status")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(as_json: bool) -> None:
    """Show which master key protects what, and which may be dropped. Exit code 1 if one is missing."""
    found = _master_keys()
    missing = [key["id"] for key in found if key["missing"]]
    if as_json:
        click.echo(json.dumps({"complete": not missing, "keys": found}))
    else:
        click.echo(
            table(("key", "in ENCRYPTION_KEY", "data keys", "channels", "messages", "may be dropped"), _lines(found))
        )
    if missing:
        raise Failed(f"ENCRYPTION_KEY lacks {', '.join(missing)}: what is under it cannot be read without it.")


def _master_keys() -> list[dict[str, Any]]:
    ring = key_ring()
    if isinstance(ring, EncryptionKeyError):
        click.echo(str(ring), err=True)
    ids = () if isinstance(ring, EncryptionKeyError) else ring.ids
    purposes: dict[str, dict[str, int]] = {key_id: {} for key_id in ids}
    counted = select(DataKey.master_key_id, DataKey.purpose, func.count()).where(DataKey.wrapped.is_not(None))
    for key_id, purpose, count in db.session.execute(counted.group_by(DataKey.master_key_id, DataKey.purpose)):
        purposes.setdefault(key_id, {})[purpose] = count
    messages = _messages_by_master_key()
    return [
        {
            "id": key_id,
            "position": ids.index(key_id) + 1 if key_id in ids else None,
            "data_keys": under,
            "channels": under.get(MESSAGES, 0),
            "messages": messages.get(key_id, 0),
            "missing": key_id not in ids,
            "may_be_dropped": key_id in ids[1:] and not under,
        }
        for key_id, under in purposes.items()
    ]


def _messages_by_master_key() -> dict[str, int]:
    counted = select(DataKey.master_key_id, func.count()).join(Message, Message.data_key_id == DataKey.id)
    return {key_id: count for key_id, count in db.session.execute(counted.group_by(DataKey.master_key_id))}


def _lines(found: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    lines: list[tuple[object, ...]] = []
    for key in found:
        place = "MISSING" if key["missing"] else f"{key['position']}{' (newest)' if key['position'] == 1 else ''}"
        under = ", ".join(f"{purpose} {count}" for purpose, count in sorted(key["data_keys"].items())) or "none"
        dropped = "yes" if key["may_be_dropped"] else "no"
        lines.append((key["id"], place, under, key["channels"], key["messages"], dropped))
    return lines


@keys.command("rotate")
def rotate() -> None:
    """Wrap every data key under the newest master key. Messages are not touched; killing it halfway harms nothing.

    Restart Streamzy with the new ENCRYPTION_KEY first: a server that does not hold the newest key cannot read on.
    """
    newest = data_keys().ring.newest_id
    stale = (DataKey.master_key_id != newest, DataKey.wrapped.is_not(None))
    count = db.session.scalar(select(func.count()).select_from(DataKey).where(*stale)) or 0
    if not count:
        click.echo(f"Nothing to do: every data key is under the newest master key, {newest}.")
        return
    # Recorded in the transaction of the first batch: a rotation that is killed later has been recorded all the same.
    record("keys.rotated", Actor.command("keys rotate"), target_kind="key", target_name=newest, data_keys=count)
    with _progress() as progress:
        task = progress.add_task("Wrapping data keys", total=count)
        for wrapped in rewrap():
            progress.advance(task, wrapped)
    announce("keys_changed")
    db.session.commit()
    click.echo(f"{count} data keys are now under {newest}. `flask keys status` says which old key may be dropped.")


@keys.command("verify")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def verify(as_json: bool) -> None:
    """Decrypt every message and list those that cannot be read or are not where they were written. Shows no text."""
    total = db.session.scalar(select(func.count()).select_from(Message)) or 0
    slugs = {channel_id: slug for channel_id, slug in db.session.execute(select(Channel.id, Channel.slug))}
    bad: list[dict[str, Any]] = []
    with _progress() as progress:
        task = progress.add_task("Decrypting messages", total=total)
        for row in _every_message():
            if problem := _problem(row):
                bad.append({"channel": slugs[row.channel_id], "id": row.id, "problem": problem})
            progress.advance(task)
    if as_json:
        click.echo(json.dumps({"messages": total, "unreadable": bad}))
    else:
        for message in bad:
            click.echo(f"/c/{message['channel']} message {message['id']}: {message['problem']}")
    if bad:
        raise Failed(f"{len(bad)} of {total} messages cannot be verified.")
    if not as_json:
        click.echo(f"All {total} messages can be read and stand where they were written.")


def _every_message() -> Iterator[Any]:
    place = tuple_(Message.channel_id, Message.id)
    columns = (Message.channel_id, Message.id, Message.random_id, Message.author_id, Message.body, Message.data_key_id)
    after = (0, 0)
    while page := db.session.execute(select(*columns).where(place > after).order_by(*columns[:2]).limit(PAGE)).all():
        yield from page
        after = (page[-1].channel_id, page[-1].id)


def _problem(row: Any) -> str:
    try:
        key = data_keys().fernet(row.data_key_id)
    except EncryptionKeyError as error:
        return str(error)
    if key is None:
        return "its data key is gone"
    text = unseal(key, context(row.random_id, row.channel_id, row.author_id), row.body)
    return "changed, or not where it was written" if text is None else ""


def _progress() -> Progress:
    # On standard error: standard output stays what programs may read.
    return Progress(console=Console(stderr=True), transient=True)
