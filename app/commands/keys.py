"""``flask keys``: the master keys of ENCRYPTION_KEY and what hangs on each. No command here prints a key in use."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterable, Iterator
from typing import Any

import click
from cryptography.fernet import Fernet
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from app import sqlite
from app.audit.actor import Actor
from app.audit.event import record
from app.auth.announcement import announce
from app.channels.channel import Channel
from app.chat import resealing, verification
from app.chat.pace import Pace
from app.commands.channels import the_channel
from app.commands.door import Command, Failed, Group, table
from app.encryption import key_work, rotation
from app.encryption.data_key import data_keys
from app.encryption.key_work import KeyWork
from app.encryption.keyring import EncryptionKeyError
from app.encryption.master_key import MasterKey
from app.encryption.resealers import ResealerGone
from app.encryption.rotation import WorkerLacksKey
from app.extensions import db
from app.operations import key_status
from app.operations.preflight import KEYS_IN_WORDS, key_ring

NOTE_EVERY_SECONDS = 0.5
ACTOR = Actor.command("keys rotate")

keys = Group("keys", help="The keys that messages are encrypted with.")


@keys.command("generate", cls=Command)
def generate() -> None:
    """Print a new Fernet key for ENCRYPTION_KEY. It is stored nowhere."""
    click.echo(Fernet.generate_key().decode())


@keys.command("status")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(as_json: bool) -> None:
    """Show which master key protects what, and which may be dropped. Exit code 1 if one is missing."""
    if isinstance(ring := key_ring(), EncryptionKeyError):
        click.echo(str(ring), err=True)
    found = key_status.master_keys()
    missing = [key["id"] for key in found if key["missing"]]
    if as_json:
        click.echo(json.dumps({"complete": not missing, "keys": found}))
    else:
        head = ("key", "in ENCRYPTION_KEY", "first seen", "channels", "messages", "other secrets", "may be dropped")
        click.echo(table(head, [_line(key) for key in found]))
    if missing:
        raise Failed(f"ENCRYPTION_KEY lacks {', '.join(missing)}: what is under it cannot be read without it.")


def _line(key: dict[str, Any]) -> tuple[object, ...]:
    place = "MISSING" if key["missing"] else f"{key['position']}{' (newest)' if key['position'] == 1 else ''}"
    other = ", ".join(KEYS_IN_WORDS.get(purpose, purpose) for purpose in sorted(key["other"])) or "none"
    dropped = "yes" if key["may_be_dropped"] else "no"
    first_seen = (key["first_seen"] or "?")[:10]
    return (key["id"], place, first_seen, key["channels"], key["messages"], other, dropped)


@keys.command("rotate")
@click.option("--messages", is_flag=True, help="Also give channels new data keys, and encrypt all messages anew.")
@click.option("--channel", "slug", metavar="SLUG", help="With --messages: this channel only.")
def rotate(messages: bool, slug: str | None) -> None:
    """Wrap every data key under the newest master key. Killing it halfway harms nothing: start it again.

    Restart Streamzy with the new ENCRYPTION_KEY first: a server that does not hold the newest key is named, and nothing
    is done. Without --messages no message is touched; with it, people go on chatting meanwhile.
    """
    if slug and not messages:
        raise click.UsageError("--channel needs --messages: the master key is the whole instance's.")
    channel = the_channel(slug) if slug else None
    _rotate_master()
    if messages:
        _rotate_messages(channel)


def _rotate_master() -> None:
    newest = data_keys().ring.newest_id
    try:
        count = rotation.count_stale()
        if not count:
            click.echo(f"Nothing to do: every data key is under the newest master key, {newest}.")
            return
        # Recorded before the first batch: a rotation that is killed later has been recorded all the same.
        record("keys.rotated", ACTOR, target_kind="key", target_name=newest, data_keys=count)
        MasterKey.note(data_keys().ring.ids)
        work = KeyWork.begin(key_work.MASTER, count)
        db.session.commit()
        for _ in _shown("Wrapping data keys", work, rotation.rewrap()):
            pass
    except WorkerLacksKey as refusal:
        raise Failed(str(refusal)) from None
    announce("keys_changed")
    work.finish()
    db.session.commit()
    click.echo(f"{count} data keys are now under {newest}. `flask keys status` says which old key may be dropped.")


def _rotate_messages(channel: Channel | None) -> None:
    work, new = resealing.begin(channel)
    if new:
        record(
            "keys.messages_rotated",
            ACTOR,
            target_kind="channel" if channel else "",
            target_id=channel.id if channel else None,
            target_name=channel.slug if channel else "",
            messages=work.total,
        )
    else:
        click.echo(f"Going on where it was interrupted: {work.done} of {work.total} messages are done.")
    db.session.commit()
    pace = Pace()
    try:
        for _ in _shown("Encrypting messages", work, resealing.run(work, pace)):
            pass
    except ResealerGone:
        raise Failed("A process that encrypts was ended. What is done is done: the same command goes on.") from None
    if destroyed := resealing.clear_up(work):
        record("keys.destroyed", ACTOR, data_keys=destroyed, why="messages rotated")
    announce("keys_changed")
    work.finish()
    db.session.commit()
    sqlite.empty_the_log(db.engine)
    click.echo(f"{work.total} messages are under new data keys; {destroyed} old data keys were destroyed.")
    if len(pace.writes) > 1:
        *_, most = statistics.quantiles(pace.writes, n=100)
        longest = f"{max(pace.writes) * 1000:.0f} ms"
        click.echo(f"{len(pace.writes)} writes; 99 % took at most {most * 1000:.0f} ms, the longest {longest}.")
    if work.unreadable:
        raise Failed(f"{work.unreadable} could not be verified and stay under their old keys: flask keys verify")


@keys.command("verify")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def verify(as_json: bool) -> None:
    """Decrypt every message and list those that cannot be read or are not where they were written. Shows no text."""
    total = verification.count()
    work = KeyWork.begin(key_work.VERIFICATION, total)
    db.session.commit()
    bad: list[verification.Problem] = []

    def looked_at() -> Iterator[int]:
        for count, found in verification.pages():
            bad.extend(found)
            yield count

    for _ in _shown("Decrypting messages", work, looked_at()):
        pass
    work.unreadable = len(bad)
    work.finish()
    db.session.commit()
    if as_json:
        click.echo(json.dumps({"messages": total, "unreadable": [message._asdict() for message in bad]}))
    else:
        for message in bad:
            click.echo(f"/c/{message.channel} message {message.id}: {message.problem}")
    if bad:
        raise Failed(f"{len(bad)} of {total} messages cannot be verified.")
    if not as_json:
        click.echo(f"All {total} messages can be read and stand where they were written.")


class _Rate(ProgressColumn):
    """How many in a second."""

    def render(self, task: Task) -> Text:
        """The newest rate, once there is one."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


def _shown(what: str, work: KeyWork, counts: Iterable[int]) -> Iterator[int]:
    """Pass ``counts`` on, showing a bar with rate and time left, and writing down how far the work has come."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    # On standard error: standard output stays what programs may read.
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(what, total=work.total, completed=work.done)
        noted_at, done, since = time.monotonic(), work.done, 0
        for count in counts:
            done, since = done + count, since + count
            progress.update(bar, completed=done)
            yield count
            if (passed := time.monotonic() - noted_at) > NOTE_EVERY_SECONDS:
                work.note(done, since / passed)
                db.session.commit()
                noted_at, since = time.monotonic(), 0
        work.note(done, work.rate)
