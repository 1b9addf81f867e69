"""Enrolment, whatever comes: a refusal in words, and no certificate."""

from __future__ import annotations

import asyncio
import base64
import ssl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from secured_site import EST, basic, body_of, request_for

from banksman_cloud.web import replies

ENROL = f"{EST}/simpleenroll"
RENEW = f"{EST}/simplereenroll"
NODE = "press3"
FUZZ = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def issued(site) -> int:
    return (await site.engine.read(lambda db: db.one("SELECT count(*) FROM certificate")))[0]


@FUZZ
@given(body=st.one_of(st.binary(max_size=2000), st.binary(max_size=600).map(base64.b64encode)))
async def test_garbage_of_any_shape_enrols_nobody(site, body):
    status, _, _ = await site.ask("POST", ENROL, data=body, headers=basic(await site.token(NODE)))
    assert status == 400
    assert await issued(site) == 0


@FUZZ
@given(at=st.integers(0, 2000), byte=st.integers(0, 255), cut=st.integers(0, 2000))
async def test_a_request_that_was_tampered_with_enrols_nobody_or_the_one_it_is_of(
    site, at, byte, cut
):
    der = bytearray(request_for(NODE))
    whole = bytes(der)
    der[at % len(der)] = byte
    for body in (bytes(der), whole[: cut % len(whole)]):
        before = await issued(site)
        token = await site.token(NODE)
        status, _, _ = await site.ask("POST", ENROL, data=body_of(body), headers=basic(token))
        if body == whole:
            assert status == 200
        else:
            assert status == 400, "its signature does not hold any more"
            assert await issued(site) == before


@FUZZ
@given(
    header=st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))
)
async def test_no_header_is_a_token(site, header):
    for value in (header, f"Basic {header}", basic(header[:50])["Authorization"]):
        status, _, _ = await site.ask(
            "POST", ENROL, data=body_of(request_for(NODE)), headers={"Authorization": value}
        )
        assert status in (400, 401)
    assert await issued(site) == 0


@FUZZ
@given(body=st.binary(max_size=800))
async def test_a_renewal_of_garbage_leaves_the_certificate_as_it_is(site, body):
    pair = await site.enrol(NODE) if await issued(site) == 0 else site.pair
    site.pair = pair
    status, _, _ = await site.ask("POST", RENEW, pair, data=body)
    assert status == 400
    assert await issued(site) == 1
    assert (await site.ingest(pair, node=NODE))[0] == 200


@pytest.mark.parametrize("media", ["text/plain", "application/json", "multipart/mixed; boundary=x"])
async def test_another_content_type_changes_nothing_but_words(site, media):
    token = await site.token(NODE)
    status, _, _ = await site.ask(
        "POST", ENROL, data=body_of(request_for(NODE)),
        headers={**basic(token), "Content-Type": media},
    )  # fmt: skip
    assert status in (200, 400, 415)
    assert await issued(site) == (1 if status == 200 else 0)


async def test_a_request_that_dribbles_over_tls_is_given_up(site, monkeypatch):
    monkeypatch.setattr(replies, "BODY_WITHIN_S", 0.2)
    token = basic(await site.token(NODE))["Authorization"]
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, ssl=site.context())
    head = f"POST {ENROL} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nAuthorization: {token}\r\n"
    writer.write(f"{head}Content-Length: 500\r\n\r\nMIIB".encode())
    assert b"408" in await reader.readline()
    writer.close()
    assert await issued(site) == 0


async def test_handshakes_that_never_end_hold_nobody_up(site):
    """Half a ClientHello each; asyncio cuts them after `server.TLS_HANDSHAKE_S`."""
    lines = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(20)]
    for _, writer in lines:
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00")
    assert (await site.ask("GET", "/healthz"))[0] == 200
    for _, writer in lines:
        writer.close()


async def test_plain_http_at_the_tls_port_is_no_request(site):
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        answer = await reader.read(20)
    except ConnectionError:
        answer = b""
    assert not answer.startswith(b"HTTP")
    writer.close()
    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", site.port, ssl=context)
