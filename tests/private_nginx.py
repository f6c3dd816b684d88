"""nginx with the project's own site file, on ports and in a folder of its own: what an operator would put in front."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.streamzy_server import ROOT, free_port

SITE = ROOT / "docs" / "deploy" / "nginx.conf"
UNPACKED = ROOT / ".nginx" / "usr" / "sbin" / "nginx"  # make prove puts it there where the system has none
NAME = "localhost"
START_SECONDS = 10


def program() -> str:
    """Where nginx is. Raises AssertionError where there is none."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or str(UNPACKED)
    assert Path(found).exists(), "nginx is missing: make prove fetches it"
    return found


class PrivateNginx:
    """One nginx before the servers that listen at ``ports``. Use it as a context manager."""

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        self.folder = folder
        self.plain, self.secure = free_port(), free_port()
        self.url = f"https://{NAME}:{self.secure}"
        self.certificate = folder / "fullchain.pem"
        self.process: subprocess.Popen[bytes] | None = None
        self._certify()
        (folder / "logs").mkdir()
        (folder / "site.conf").write_text(self._site(ports))
        user = "user root;\n" if os.geteuid() == 0 else ""  # as root it would become nobody, who may not look in here
        (folder / "nginx.conf").write_text(
            user + f"daemon off; pid {folder}/pid; error_log {folder}/logs/error.log; worker_processes 1;\n"
            "events { worker_connections 4096; }\n"
            f"http {{ include {folder}/site.conf;\n"
            + "".join(
                f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            + "}\n"
        )

    def _site(self, ports: Sequence[int]) -> str:
        """The site file as an operator fills it in, but for the ports and the folders, which are this test's."""
        site = SITE.read_text()
        site = re.sub(r"^ *listen \[::\].*\n", "", site, flags=re.MULTILINE)
        site = re.sub(r"listen 80;", f"listen 127.0.0.1:{self.plain};", site)
        site = re.sub(r"listen 443 ", f"listen 127.0.0.1:{self.secure} ", site)
        site = site.replace("/etc/letsencrypt/live/chat.example.org", str(self.folder))
        site = site.replace("/var/log/nginx", f"{self.folder}/logs").replace("chat.example.org", NAME)
        servers = re.findall(r"^ *server 127\.0\.0\.1:5000.*\n", site, flags=re.MULTILINE)
        assert len(servers) == 1, "the site file names the one server that a first installation has"
        return site.replace(servers[0], "".join(servers[0].replace(":5000", f":{port}") for port in ports))

    def _certify(self) -> None:
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.folder / "privkey.pem").write_bytes(key.private_bytes(*secret))

    def __enter__(self) -> PrivateNginx:
        command = [program(), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]
        with (self.folder / "said").open("wb") as said_here:
            self.process = subprocess.Popen(command, stderr=said_here)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            said = (self.folder / "said").read_text()
            assert self.process.poll() is None and time.monotonic() < deadline, f"nginx did not start: {said}"
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", verify=str(self.certificate), timeout=5).ok
        except requests.RequestException:
            return False

    @property
    def log(self) -> str:
        """What it wrote down about who asked for what."""
        return (self.folder / "logs" / "streamzy.access.log").read_text()
