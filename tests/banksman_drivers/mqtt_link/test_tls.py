from __future__ import annotations

import pytest

from banksman_drivers.mqtt_link import TlsFiles

pytestmark = pytest.mark.broker


@pytest.fixture
def ours(make_authority):
    return make_authority("ours")


@pytest.fixture
def tls_broker(make_broker, ours):
    cert, key = ours.issue("server", server=True)

    def make(*lines: str):
        return make_broker(f"certfile {cert}", f"keyfile {key}", f"cafile {ours.ca_file}", *lines)

    return make


async def test_a_broker_with_a_certificate_of_our_authority_is_trusted(
    tls_broker, ours, start_link, until
):
    one = start_link(tls_broker().port, tls=TlsFiles(ca_file=str(ours.ca_file)))
    await until(lambda: one.link.up, "the link is up")
    fates: list[bool] = []
    assert one.link.publish("t", bytes(100_000), qos=1, done=fates.append)
    await until(lambda: fates == [True], "the acknowledgement")


async def test_a_broker_of_a_foreign_authority_is_refused_and_the_reason_told(
    tls_broker, make_authority, start_link, until
):
    foreign = make_authority("foreign")
    one = start_link(tls_broker().port, tls=TlsFiles(ca_file=str(foreign.ca_file)))
    await until(lambda: "down" in one.states, "the refusal")
    assert "TLS" in one.link.report().message
    assert "ca_file" in one.link.report().message


async def test_a_broker_under_another_name_is_refused(tls_broker, ours, start_link, until):
    one = start_link(tls_broker().port, host="localhost", tls=TlsFiles(ca_file=str(ours.ca_file)))
    await until(lambda: "down" in one.states, "the refusal")
    assert "TLS" in one.link.report().message


async def test_a_client_certificate_opens_a_broker_that_asks_for_one(
    tls_broker, ours, start_link, until
):
    broker = tls_broker("require_certificate true", "use_identity_as_username true")
    cert, key = ours.issue("box")
    without = start_link(broker.port, tls=TlsFiles(ca_file=str(ours.ca_file)))
    await until(lambda: "down" in without.states, "no entry without")
    await without.stop()
    one = start_link(
        broker.port,
        tls=TlsFiles(ca_file=str(ours.ca_file), cert_file=str(cert), key_file=str(key)),
    )
    await until(lambda: one.link.up, "entry with a certificate")


async def test_a_missing_authority_file_is_an_error_that_says_so(tls_broker, start_link, until):
    one = start_link(tls_broker().port, tls=TlsFiles(ca_file="/no/such/ca.pem"))
    await until(lambda: "down" in one.states, "the failure")
    assert "No such file" in one.link.report().message


async def test_plain_text_to_a_tls_broker_never_comes_up_and_never_crashes(
    tls_broker, start_link, until
):
    one = start_link(tls_broker().port)
    await until(lambda: one.states.count("down") >= 2, "several tries")
    assert not one.link.up
