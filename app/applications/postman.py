"""Carries letters to the mail server, one at a time, outside every request and every transaction."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

import gevent
from flask import current_app
from prometheus_client import Counter

from app.applications import letter as letters
from app.applications.reveal import CLOCKWORK
from app.audit.event import record
from app.extensions import db
from app.workers.duty import duty
from config import Settings

LETTERS = Counter("streamzy_letters", "Letters to applicants that were tried", ["outcome"])
PATIENCE_SECONDS = 15  # for each answer of the server
TRY_SECONDS = 45  # for all of it: below the duty's lease and the first pause, so that nobody else is at it meanwhile
TLS_FROM_THE_START = 465
TROUBLE = (OSError, smtplib.SMTPException, ValueError)
SUBJECTS = {
    letters.RECEIPT: "We have your application",
    letters.QUESTION: "We have a question about your application",
    letters.DECISION: "Your application was decided",
}
TEXT = """{subject}. Your private page says more:

{url}

Whoever has this link can read the answer and take the sign-in: keep it like a password.
If you did not apply, somebody typed your address by mistake: you need do nothing.
"""
# What admins read of a failure. The server's own words stay out of it: they quote addresses.
IN_WORDS: dict[type[Exception], str] = {
    smtplib.SMTPRecipientsRefused: "the address was refused",
    smtplib.SMTPSenderRefused: "our sender was refused",
    smtplib.SMTPDataError: "the letter was refused",
    smtplib.SMTPAuthenticationError: "our user name or password was refused",
    smtplib.SMTPNotSupportedError: "the server cannot do what this needs",
    smtplib.SMTPServerDisconnected: "the server hung up",
    ssl.SSLCertVerificationError: "the server's certificate is not trusted",
    TimeoutError: "no answer in time",
    socket.gaierror: "the server's name is not known",
    ConnectionRefusedError: "nothing answers there",
    ValueError: "this is no address that can be written to",
}


@duty("mail", every=timedelta(seconds=15))
def deliver() -> Iterator[object]:
    """Send what is due. Killed between sending a letter and noting that, it is sent once more: better than never."""
    settings: Settings = current_app.config["STREAMZY"]
    if not settings.mail_server:
        return
    letters.forget_old()
    while letter_id := letters.take():
        yield letter_id
        try:
            with gevent.Timeout(TRY_SECONDS, TimeoutError()):
                server = connected(settings)
        except TROUBLE as error:
            _note_failure(letter_id, error)
            return  # the next letter would meet the same
        try:
            with gevent.Timeout(TRY_SECONDS, TimeoutError()):
                _hand_over(settings, server, letter_id)
        except TROUBLE as error:
            server.close()  # without a word: no transaction may wait for what it would answer
            db.session.rollback()
            _note_failure(letter_id, error)
        else:
            letters.sent(letter_id)
            db.session.commit()  # now, and not with the next yield: whoever holds the lease, it was sent
            LETTERS.labels("sent").inc()
            _hang_up(server)
        yield letter_id


def connected(settings: Settings, patience: float = PATIENCE_SECONDS) -> smtplib.SMTP:
    """A connection that is ready to send. Raises OSError or SMTPException; without the TLS asked for there is none."""
    place = (settings.mail_server, settings.mail_port)
    trust = ssl.create_default_context()
    if settings.mail_use_tls and settings.mail_port == TLS_FROM_THE_START:
        server: smtplib.SMTP = smtplib.SMTP_SSL(*place, timeout=patience, context=trust)
    else:
        server = smtplib.SMTP(*place, timeout=patience)
    try:
        if settings.mail_use_tls and not isinstance(server, smtplib.SMTP_SSL):
            server.starttls(context=trust)
        if settings.mail_username:
            server.login(settings.mail_username, settings.mail_password)
    except BaseException:
        server.close()
        raise
    return server


def compose(settings: Settings, kind: str, recipient: str, token: str) -> EmailMessage:
    """The letter as it goes out: the link, and nothing of what was applied for or answered.

    The link begins with the settings' address and never with a request's Host header, which a stranger could choose.
    Raises ValueError when ``recipient`` holds a line break: no header can be added through it.
    """
    message = EmailMessage(policy=SMTP)
    message["Subject"] = SUBJECTS[kind]
    message["From"] = settings.mail_sender
    message["To"] = recipient
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=settings.mail_sender.rpartition("@")[2].strip(">"))
    message["Auto-Submitted"] = "auto-generated"
    url = f"{settings.own_address}/apply/status/{token}"
    message.set_content(TEXT.format(subject=SUBJECTS[kind], url=url), cte="8bit")
    return message


def in_words(error: Exception) -> str:
    """What went wrong, for admins."""
    said = next((IN_WORDS[kind] for kind in type(error).__mro__ if kind in IN_WORDS), type(error).__name__)
    return f"{said} ({code})" if (code := _code(error)) else said


def _hand_over(settings: Settings, server: smtplib.SMTP, letter_id: int) -> None:
    ready = letters.make_ready(letter_id)
    db.session.commit()  # the link opens before anybody can read it; and no transaction waits for a mail server
    if ready is None:
        return
    name, at, domain = ready.recipient.rpartition("@")
    recipient = name + at + domain.encode("idna").decode()
    server.send_message(compose(settings, ready.kind, recipient, ready.token), to_addrs=[recipient])


def _hang_up(server: smtplib.SMTP) -> None:
    # Whatever it says to that: what it took before, it took.
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


def _note_failure(letter_id: int, error: Exception) -> None:
    given_up = letters.failed(letter_id, in_words(error), for_good=_is_for_good(error))
    if given_up is not None:
        record("letter.given_up", CLOCKWORK, **given_up.target(), problem=in_words(error))
    LETTERS.labels("given_up" if given_up is not None else "put_off").inc()


def _is_for_good(error: Exception) -> bool:
    # What is wrong with this one address. What is wrong with the server, or with our settings, may be put right.
    refused = isinstance(error, smtplib.SMTPRecipientsRefused) and _code(error) >= 500
    # An untrusted certificate is, in Python, a ValueError, too.
    return refused or (isinstance(error, ValueError) and not isinstance(error, OSError))


def _code(error: Exception) -> int:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next((code for code, _ in error.recipients.values()), 0)
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0
