"""What people carry beside their password: a phone with an authenticator app, and a security key made of software."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
import pyotp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from werkzeug.test import TestResponse

from app.clock import now
from tests.people import Person

PAGE = "/account/two-factor"
VERIFY = "/login/verify"
ORIGIN = "http://localhost"


@dataclass
class Phone:
    """An authenticator app that scanned a key. It shares the app's clock; ``wrong_by`` seconds."""

    key: str
    wrong_by: float = 0

    def code(self) -> str:
        """What it shows now."""
        return pyotp.TOTP(self.key).at(now().timestamp() + self.wrong_by)


def begin(person: Person) -> Phone:
    """Begin to set up an app: the key as the page shows it."""
    assert person.post_form(f"{PAGE}/app", on=PAGE).location == PAGE
    return Phone(key_on(person.get(PAGE).text))


def key_on(page: str) -> str:
    """The key that stands on a page, in groups."""
    return "".join(re.findall(r'pairing__group">([A-Z2-7]+)<', page))


def codes_on(page: str) -> list[str]:
    """The recovery codes that stand on a page."""
    return re.findall(r'codes__code">([^<]+)<', page)


def set_up_app(person: Person) -> tuple[Phone, list[str]]:
    """Set an app up to the end; the recovery codes, if it was the first factor. The code shown now is spent."""
    phone = begin(person)
    answer = person.post_form(PAGE, code=phone.code())
    assert answer.status_code in (200, 302), answer.text
    return phone, codes_on(answer.text)


@dataclass
class SecurityKey:
    """A security key that does what the standard says, and, asked for, what it forbids."""

    verifies: bool = True  # by finger or PIN
    counts: bool = True
    count: int = 0
    rp: str = ""
    handle: bytes = b""
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any], origin: str = ORIGIN) -> str:
        """Answer ``navigator.credentials.create``, as JSON."""
        self.rp, self.handle = options["rp"]["id"], base64url_to_bytes(options["user"]["id"])
        public = self.private.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(cose)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(0x40) + attested}
        response = {
            "clientDataJSON": self._client_data("webauthn.create", options["challenge"], origin),
            "attestationObject": bytes_to_base64url(cbor2.dumps(attestation)),
        }
        return self._json(response)

    def get(self, options: dict[str, Any], origin: str = ORIGIN, rp: str = "", handle: bytes | None = None) -> str:
        """Answer ``navigator.credentials.get``, as JSON."""
        self.rp = rp or options["rpId"]
        client_data = self._client_data("webauthn.get", options["challenge"], origin)
        data = self._data()
        signed = data + hashlib.sha256(base64url_to_bytes(client_data)).digest()
        response = {
            "clientDataJSON": client_data,
            "authenticatorData": bytes_to_base64url(data),
            "signature": bytes_to_base64url(self.private.sign(signed, ec.ECDSA(SHA256()))),
            "userHandle": bytes_to_base64url(self.handle if handle is None else handle),
        }
        return self._json(response)

    def _data(self, flags: int = 0) -> bytes:
        if self.counts:
            self.count += 1
        flags |= 0x01 | (0x04 if self.verifies else 0)
        return hashlib.sha256(self.rp.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str, origin: str) -> str:
        text = json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False})
        return bytes_to_base64url(text.encode())

    def _json(self, response: dict[str, str]) -> str:
        own = bytes_to_base64url(self.id)
        return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": response})


def ask(person: Person, path: str, on: str) -> dict[str, Any]:
    """What the server wants a key to sign."""
    answer = person.request(path, method="POST", json={}, headers={"X-CSRFToken": person.csrf_token(on)})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    options: dict[str, Any] = answer.get_json()
    return options


def add_key(person: Person, key: SecurityKey, name: str = "the blue one") -> TestResponse:
    """Add ``key`` to the account; what the server says."""
    answer = key.create(ask(person, f"{PAGE}/passkeys/options", PAGE))
    return person.post(f"{PAGE}/passkeys", on=PAGE, credential=answer, name=name)
