"""Metrics: few names, few labels, on an address of their own."""

import socket
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from imagewright.adapters.telemetry.metrics import Metrics, MetricsConfig, MetricsListener
from tests.end_to_end.program import free_port


def page(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


def read(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
        return text


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_calls_requests_and_jobs_are_timed_by_names_of_ours(metrics: Metrics) -> None:
    metrics.call("generate_image", "ok", 0.3)
    metrics.request("/mcp", 200, 0.01)
    metrics.job("openai", "succeeded", 30.0)
    counts = [line for line in page(metrics) if "_count{" in line]
    assert counts == [
        'imagewright_call_seconds_count{code="ok",component="generate_image"} 1.0',
        'imagewright_request_seconds_count{route="/mcp",status="200"} 1.0',
        'imagewright_job_seconds_count{provider="openai",state="succeeded"} 1.0',
    ]


def test_a_series_more_is_as_many_lines_as_there_are_buckets(metrics: Metrics) -> None:
    metrics.call("generate_image", "ok", 0.3)
    before = len(page(metrics))
    for _ in range(1000):
        metrics.call("generate_image", "ok", 700.0)
    assert len(page(metrics)) == before
    metrics.call("generate_image", "forbidden", 0.3)
    assert len(page(metrics)) - before == 9 + 1 + 3  # bounds, infinity; count, sum, created


def test_two_services_in_one_process_count_apart(metrics: Metrics) -> None:
    metrics.job("openai", "failed", 1.0)
    assert not [line for line in page(Metrics()) if "_count{" in line]


def test_a_registry_that_is_given_is_used() -> None:
    registry = CollectorRegistry()
    assert Metrics(registry).registry is registry


def test_without_a_port_nothing_listens(metrics: Metrics) -> None:
    listener = MetricsListener(metrics, MetricsConfig())
    listener.open()
    listener.close()


def test_the_page_is_served_until_it_is_closed_and_can_be_opened_again(metrics: Metrics) -> None:
    metrics.job("openai", "succeeded", 30.0)
    port = free_port()
    listener = MetricsListener(metrics, MetricsConfig(port=port))
    for _ in range(2):
        listener.open()
        try:
            assert 'imagewright_job_seconds_count{provider="openai"' in read(port)
        finally:
            listener.close()
        with pytest.raises(URLError):
            read(port)
    listener.close()


def test_an_address_that_is_taken_is_told(metrics: Metrics) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listener = MetricsListener(metrics, MetricsConfig(port=taken.getsockname()[1]))
        with pytest.raises(OSError, match="in use"):
            listener.open()
        listener.close()
