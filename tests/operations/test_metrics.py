"""Who may read the figures, and that they count."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from tests.people import Person

DASHBOARD = Path(__file__).resolve().parents[2] / "docs" / "deploy" / "grafana.json"


def test_this_machine_may_read_them_in_development(app: Flask) -> None:
    answer = Person(app).get("/metrics")
    assert answer.status_code == 200
    assert "streamzy_connections" in answer.text
    assert "streamzy_batch_messages_bucket" in answer.text
    assert "\nstreamzy_workers 1.0\n" in answer.text and "\nstreamzy_workers_answered 1.0\n" in answer.text


def test_another_machine_may_not(app: Flask) -> None:
    assert Person(app, address="192.0.2.7").get("/metrics").status_code == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-Ip", "X-Forwarded-Host"])
def test_a_request_that_a_proxy_passed_on_may_not(app: Flask, header: str) -> None:
    assert Person(app).get("/metrics", headers={header: "127.0.0.1"}).status_code == 403


@pytest.mark.settings(METRICS_TOKEN="a-long-token-for-prometheus")
def test_with_a_token_only_its_holder_may(app: Flask) -> None:
    assert Person(app).get("/metrics").status_code == 403
    assert Person(app).get("/metrics", headers={"Authorization": "Bearer another"}).status_code == 403
    answer = Person(app, address="192.0.2.7").get(
        "/metrics", headers={"Authorization": "Bearer a-long-token-for-prometheus"}
    )
    assert answer.status_code == 200


@pytest.mark.settings(TRUSTED_PROXIES="1")
def test_behind_a_proxy_nobody_may_without_a_token(app: Flask) -> None:
    assert Person(app).get("/metrics").status_code == 403


def test_each_metric_that_the_dashboard_asks_for_exists(app: Flask) -> None:
    asked = set(re.findall(r"(?:streamzy|process)_[a-z_]+", DASHBOARD.read_text()))
    shown = Person(app).get("/metrics").text
    # A counter with labels shows no sample before the first of them: its type is there all the same.
    there = set(re.findall(r"^(\w+?)(?:\{| )", shown, re.MULTILINE)) | set(
        re.findall(r"^# TYPE (\w+) ", shown, re.MULTILINE)
    )
    assert asked - there == set()
    named = set(re.findall(r"^# TYPE (streamzy_\w+) (?:counter|gauge|histogram)", shown, re.MULTILINE))
    unasked = {
        name for name in named if not name.endswith("_created") and not any(part.startswith(name) for part in asked)
    }
    assert unasked == set(), "counted, and shown to nobody"
