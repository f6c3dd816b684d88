"""The way to the mail server: only a trusted one gets password and letters; wrong settings stop the start."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask

from app.applications import postman
from app.clock import Clock
from app.operations import checklist_settings
from config import Settings, SettingsError
from tests.applications.desk import sent
from tests.applications.postbox import MAIL, Postbox, mail_server
from tests.applications.test_mail import deliver, letters
from tests.people import People

OVER_TLS = {**MAIL, "MAIL_USE_TLS": "true", "MAIL_USERNAME": "chat", "MAIL_PASSWORD": "let-me-in"}


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for ``name``, an address, and the file that says whom to trust for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    shown, secret = folder / f"{name}.pem", folder / f"{name}.key"
    shown.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    as_text = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*as_text))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, secret)
    return context, shown


@pytest.mark.settings(**OVER_TLS)
@pytest.mark.parametrize("from_the_start", [False, True])
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it has TLS, and does not know
def test_only_a_server_that_is_trusted_gets_the_password_and_the_letter(
    app: Flask,
    people: People,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    from_the_start: bool,
) -> None:
    tls, trusted = certificate(tmp_path, "127.0.0.1")
    _, of_another = certificate(tmp_path, "127.0.0.2")
    box, tried = Postbox(), []

    def look(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        tried.append((data.login, data.password))
        return AuthResult(success=True)

    options = {"ssl_context": tls} if from_the_start else {"tls_context": tls, "require_starttls": True}
    asking = {"authenticator": look, "auth_required": True, "auth_require_tls": not from_the_start}
    with mail_server(app, box, **options, **asking) as port:
        if from_the_start:
            monkeypatch.setattr(postman, "TLS_FROM_THE_START", port)
        sent(people)
        monkeypatch.setenv("SSL_CERT_FILE", str(of_another))
        deliver(clock)
        assert (box.given, tried) == ([], [])
        assert letters()[0].problem == "the server's certificate is not trusted"
        assert letters()[0].due_at, "which may be put right"
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        deliver(clock, after=61)
    assert ([one.problem for one in letters()], len(box.given)) == ([], 1)
    assert tried == [(b"chat", b"let-me-in")]
    assert "let-me-in" not in caplog.text


@pytest.mark.settings(**OVER_TLS)
def test_a_server_without_tls_gets_nothing_where_tls_is_asked_for(app: Flask, people: People, clock: Clock) -> None:
    box = Postbox()
    with mail_server(app, box):
        sent(people)
        deliver(clock)
        assert box.given == []
        assert letters()[0].problem == "the server cannot do what this needs"
        finding = checklist_settings.mail(app.config["STREAMZY"])
    assert not finding.ok
    assert "the server cannot do what this needs" in finding.sentence


@pytest.mark.settings(**MAIL)
def test_the_doctor_knocks(app: Flask) -> None:
    finding = checklist_settings.mail(app.config["STREAMZY"])
    assert not finding.ok, "nothing answers yet"
    with mail_server(app, Postbox()):
        assert checklist_settings.mail(app.config["STREAMZY"]).ok
    assert checklist_settings.mail(Settings()).ok, "without mail nothing is missing"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"MAIL_SERVER": "mail server"}, "MAIL_SERVER must be"),
        ({"MAIL_DEFAULT_SENDER": "chat"}, "MAIL_DEFAULT_SENDER must be"),
        ({"MAIL_DEFAULT_SENDER": "chat@example.org\nBcc: all@example.org"}, "MAIL_DEFAULT_SENDER must be"),
        ({"MAIL_PORT": "0"}, "MAIL_PORT must be"),
        ({"MAIL_USE_TLS": "maybe"}, "MAIL_USE_TLS must be"),
        ({"MAIL_USERNAME": "chat", "MAIL_PASSWORD": "x"}, "MAIL_USE_TLS must be on"),
        ({"FLASK_ENV": "production", "PUBLIC_URL": ""}, "PUBLIC_URL must be set"),
        ({"FLASK_ENV": "production", "MAIL_DEFAULT_SENDER": ""}, "MAIL_DEFAULT_SENDER must be set"),
    ],
)
def test_mail_settings_that_cannot_work_stop_the_start_by_name(wrong: dict[str, str], words: str) -> None:
    assert Settings.from_environment({**MAIL, "FLASK_ENV": "production"}).mail_server == "127.0.0.1"
    with pytest.raises(SettingsError, match=words):
        Settings.from_environment({**MAIL, **wrong})
