"""Certificates that are stolen, foreign, ended, revoked or made for something else."""

from __future__ import annotations

import asyncio
import json
import ssl
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from cloud_batches import decision
from secured_site import EST, basic, body_of, certificates, new_key, request_for

from banksman_cloud.ca import profiles, register
from banksman_cloud.ca.authority import Authority
from banksman_cloud.ca.profiles import serial_text
from banksman_cloud.ca.requests import check

NODE = "press3"
DAY_S = 86_400


def reason(answer: bytes) -> str:
    return json.loads(answer)["type"].rpartition("#")[2]


async def refused_by_tls(site, pair) -> bool:
    """Whether the endpoint breaks the connection off, as TLS 1.3 does after the handshake."""
    try:
        await site.ingest(pair, decision(1, NODE), node=NODE)
    except (aiohttp.ClientError, ssl.SSLError, ConnectionError):
        return True
    return False


async def test_without_a_certificate_nobody_speaks_for_a_box(site):
    for method, path in (("PUT", "/v1/node"), ("POST", "/v1/ingest"), ("POST", "/v1/heartbeat"),
                         ("POST", "/v1/decide"), ("POST", f"{EST}/simplereenroll")):  # fmt: skip
        status, answer, _ = await site.ask(
            method, path, data=b"{}", headers={"X-Banksman-Node": NODE}
        )
        assert (status, reason(answer)) == (401, "no-certificate"), path


async def test_a_stolen_certificate_writes_nothing_under_another_name(site):
    pair = await site.enrol(NODE)
    await site.enrol("oven1")
    status, answer, _ = await site.ingest(pair, decision(1, "oven1"), node="oven1")
    assert (status, reason(answer)) == (403, "other-node")
    beat = {"node": "oven1", "wall_ns": 1, "mono_ns": 1, "boot_id": "b", "mode": "observe",
            "ready": True, "uptime_s": 1.0}  # fmt: skip
    status, answer, _ = await site.ask("POST", "/v1/heartbeat", pair, json=beat)
    assert (status, reason(answer)) == (403, "other-node")
    headers = {"X-Banksman-Node": "oven1", "Content-Encoding": "zstd"}
    from cloud_batches import packed

    body = packed(decision(1, "oven1"), node="oven1")
    status, _, _ = await site.ask("POST", "/v1/ingest", pair, data=body, headers=headers)
    assert status == 403
    rows = await site.engine.read(lambda db: db.all("SELECT id FROM record"))
    assert rows == []


async def test_a_stolen_certificate_is_not_renewed_as_another_node(site):
    pair = await site.enrol(NODE)
    body = body_of(request_for("oven1"))
    status, answer, _ = await site.ask("POST", f"{EST}/simplereenroll", pair, data=body)
    assert (status, reason(answer)) == (400, "bad-request")


async def test_a_certificate_of_another_authority_is_broken_off(site, clock):
    foreign = Authority.make("Banksman CA", datetime.now(UTC))
    key = new_key()
    pair = site.keep_pair(
        NODE, key, foreign.issue(check(request_for(NODE, key)), datetime.now(UTC))
    )
    assert await refused_by_tls(site, pair)


async def test_a_self_signed_certificate_is_broken_off(site):
    key = new_key()
    assert await refused_by_tls(site, site.keep_pair(NODE, key, profiles.root(key, NODE, _now())))


async def test_the_listeners_own_certificate_speaks_for_nobody(site):
    assert await refused_by_tls(site, site.secured.folder.server)


async def test_an_ended_certificate_is_told_so(site, clock):
    clock.ahead_s = -91 * DAY_S
    pair = await site.enrol(NODE)
    clock.ahead_s = 0
    status, answer, headers = await site.ingest(pair, decision(1, NODE), node=NODE)
    assert (status, reason(answer)) == (403, "ended-certificate")
    assert headers["Connection"] == "close"


async def test_an_ended_certificate_that_the_registry_never_saw_is_refused(site):
    key = new_key()
    authority = site.secured.authority
    made = authority.issue(check(request_for(NODE, key)), _now() - timedelta(days=91))
    pair = site.keep_pair(NODE, key, made)
    status, answer, _ = await site.ingest(pair, decision(1, NODE), node=NODE)
    assert (status, reason(answer)) == (403, "unknown-certificate")


async def test_an_ended_certificate_renews_nothing(site, clock):
    clock.ahead_s = -91 * DAY_S
    key = new_key()
    pair = await site.enrol(NODE, key=key)
    clock.ahead_s = 0
    status, answer, _ = await site.ask(
        "POST", f"{EST}/simplereenroll", pair, data=body_of(request_for(NODE, key))
    )
    assert (status, reason(answer)) == (403, "ended-certificate")


async def test_a_certificate_that_ends_on_an_open_connection_is_refused(site, clock):
    pair = await site.enrol(NODE)
    assert (await site.ingest(pair, decision(1, NODE), node=NODE))[0] == 200
    clock.ahead_s = 91 * DAY_S
    status, answer, _ = await site.ingest(pair, decision(2, NODE), node=NODE)
    assert (status, reason(answer)) == (403, "ended-certificate")


async def test_revocation_holds_at_once_on_connections_that_are_open(site):
    pair = await site.enrol(NODE)
    assert (await site.ingest(pair, decision(1, NODE), node=NODE))[0] == 200
    await site.revoke(NODE)
    status, answer, headers = await site.ingest(pair, decision(2, NODE), node=NODE)
    assert (status, reason(answer), headers["Connection"]) == (403, "revoked", "close")
    renewal = await site.ask("POST", f"{EST}/simplereenroll", pair, data=body_of(request_for(NODE)))
    assert (renewal[0], reason(renewal[1])) == (403, "revoked")
    await site.restore(NODE)
    assert (await site.ingest(pair, decision(2, NODE), node=NODE))[0] == 200
    rows = await site.engine.read(lambda db: db.all("SELECT id FROM record ORDER BY id"))
    assert rows == [(f"{NODE}-1-1",), (f"{NODE}-1-2",)]


async def test_a_body_that_was_begun_before_the_revocation_is_not_kept(site):
    pair = await site.enrol(NODE)
    from cloud_batches import packed

    body = packed(*(decision(n, NODE) for n in range(50)), node=NODE)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def dribble():
        yield body[:20]
        begun.set()
        await go_on.wait()
        yield body[20:]

    sending = asyncio.create_task(
        site.ask("POST", "/v1/ingest", pair, data=dribble(), headers={"Content-Encoding": "zstd"})
    )
    await begun.wait()
    await site.revoke(NODE)
    go_on.set()
    status, answer, _ = await sending
    assert (status, reason(answer)) == (403, "revoked")
    assert await site.engine.read(lambda db: db.all("SELECT id FROM record")) == []


async def test_a_certificate_that_the_registry_does_not_know_is_refused(site):
    """Our own authority signed it, as a thief of its backup would."""
    key = new_key()
    made = site.secured.authority.issue(check(request_for(NODE, key)), _now())
    pair = site.keep_pair(NODE, key, made)
    status, answer, _ = await site.ingest(pair, decision(1, NODE), node=NODE)
    assert (status, reason(answer)) == (403, "unknown-certificate")


async def test_a_registered_number_with_another_name_is_refused(site):
    pair = await site.enrol(NODE)
    await site.engine.write(lambda db: db.run("UPDATE node SET name = 'oven1'"))
    status, answer, _ = await site.ingest(pair, decision(1, "oven1"), node="oven1")
    assert (status, reason(answer)) == (403, "unknown-certificate")


async def test_a_replaced_boxs_old_certificate_is_refused(site):
    old = await site.enrol(NODE)
    new = await site.enrol(NODE)
    status, answer, _ = await site.ingest(old, decision(1, NODE), node=NODE)
    assert (status, reason(answer)) == (403, "revoked-certificate")
    assert (await site.ingest(new, decision(1, NODE), node=NODE))[0] == 200


async def test_a_request_for_more_gets_an_ordinary_certificate(site):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    key = new_key()
    greedy = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name.from_rfc4514_string(f"CN={NODE},OU=admins"))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("cloud.plant")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    status, answer, _ = await site.ask(
        "POST", f"{EST}/simpleenroll", data=body_of(greedy.public_bytes(Encoding.DER)),
        headers=basic(await site.token(NODE)),
    )  # fmt: skip
    assert status == 200
    (made,) = certificates(answer)
    assert made.subject.rfc4514_string() == f"CN={NODE}"
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == [f"urn:banksman:node:{NODE}"]


async def test_a_nodes_certificate_opens_no_operators_door(site):
    pair = await site.enrol(NODE)
    for path in ("/api/v1/fleet", "/api/v1/records", f"/api/v1/nodes/{NODE}"):
        assert (await site.ask("GET", path, pair))[0] == 401
    order = await site.ask(
        "POST", f"/api/v1/nodes/{NODE}/orders", pair, json={"name": "ping", "expires_s": 5}
    )
    assert order[0] == 401


async def test_a_node_cannot_sign_for_others(site):
    """Its certificate is no authority: what it signs is broken off."""
    pair_key = new_key()
    own = site.secured.authority.issue(check(request_for(NODE, pair_key)), _now())
    serial = serial_text(own.serial_number)
    await site.engine.write(lambda db: register.record(db, NODE, serial, site.now(), 2**62))
    key = new_key()
    below = profiles.node(pair_key, own, key.public_key(), "oven1", _now())
    pair = site.keep_pair("oven1", key, below)
    from cryptography.hazmat.primitives.serialization import Encoding

    pair.write_bytes(pair.read_bytes() + own.public_bytes(Encoding.PEM))
    assert await refused_by_tls(site, pair)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_no_session_is_resumed_so_each_connection_shows_its_certificate(site, version):
    pair = await site.enrol(NODE)
    context = site.context(pair)
    context.minimum_version = context.maximum_version = version
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, ssl=context)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await reader.read()
    told = writer.get_extra_info("ssl_object")
    assert told.session is None or not told.session.has_ticket
    writer.close()


async def test_old_tls_is_not_spoken(site):
    assert site.secured.tls.minimum_version is ssl.TLSVersion.TLSv1_2


def _now() -> datetime:
    return datetime.now(UTC)
