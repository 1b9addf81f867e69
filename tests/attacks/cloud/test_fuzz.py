"""Whatever comes: an answer in words, never a fault of ours, and room that is given back.

The law of every route for boxes: a status that it declares, no body but problems and answers, and
afterwards the turnstile is empty and the next honest batch is taken.
"""

from __future__ import annotations

import json

import msgspec
import pytest
import zstandard
from cloud_batches import NODE, batch, decision, packed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banksman.wire.uplink import BATCH_BYTES_MAX
from banksman_cloud.web import replies

FUZZ = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
ITEM = {
    "id": "press-3-1-5", "kind": "decision", "priority": 2, "wall_ns": 1, "body": b"{}",
    "last_id": "",
}  # fmt: skip
BEAT = {
    "node": NODE, "wall_ns": 1, "mono_ns": 1, "boot_id": "b", "mode": "observe", "ready": True,
    "uptime_s": 1.0,
}  # fmt: skip
WHO = {
    "node": NODE, "site": "s", "location": "l", "version": "1", "mode": "armed",
    "started_wall_ns": 1,
}  # fmt: skip


async def still_fine(site) -> None:
    assert site.turnstile.bytes_held == 0
    assert site.turnstile.batches == 0
    assert (await site.ingest(packed(decision(7))))[0] == 200


@FUZZ
@given(
    changes=st.dictionaries(
        st.sampled_from([*ITEM, "surprise"]),
        st.one_of(ODD, st.binary(max_size=40), st.integers(0, 2**63 - 1)),
        max_size=4,
    )
)
async def test_an_item_of_any_shape_is_kept_refused_or_no_batch(site, changes):
    values = msgspec.to_builtins(batch(), builtin_types=(bytes,))
    try:
        body = msgspec.msgpack.encode({**values, "items": [{**ITEM, **changes}]})
    except (OverflowError, msgspec.MsgspecError):
        return  # no msgpack at all
    status, told, _ = await site.ask("POST", "/v1/ingest", data=body)
    assert status in (200, 400)
    if status == 200:
        assert told.get("taken", 0) + told.get("repeated", 0) + len(told.get("refused", [])) == 1
    await still_fine(site)


@FUZZ
@given(
    kept=st.integers(0, 400), tail=st.binary(max_size=60), size=st.sampled_from([-1, 0, 1, 2**20])
)
async def test_a_frame_that_is_cut_lengthened_or_lies_keeps_nothing(site, kept, tail, size):
    whole = packed(*(decision(n) for n in range(20, 25)))
    lying = zstandard.ZstdCompressor(write_content_size=size >= 0).compress(bytes(max(0, size)))
    for body in (whole[:kept] + tail, lying + tail, tail + whole):
        if body == whole:
            continue
        status, _, _ = await site.ingest(body)
        assert status in (400, 413)
    await still_fine(site)


@pytest.mark.parametrize("extra", [0, 1])
async def test_exactly_as_much_as_is_taken_is_unpacked_and_not_a_byte_more(site, extra):
    room = BATCH_BYTES_MAX - len(msgspec.msgpack.encode(batch())) - 14
    values = msgspec.structs.replace(batch(), padding=bytes(room))
    plain = msgspec.msgpack.encode(values)
    plain += bytes(0)
    short = BATCH_BYTES_MAX - len(plain)
    plain = msgspec.msgpack.encode(
        msgspec.structs.replace(values, padding=bytes(room + short + extra))
    )
    assert len(plain) == BATCH_BYTES_MAX + extra
    for write_size in (True, False):
        frame = zstandard.ZstdCompressor(write_content_size=write_size).compress(plain)
        assert (await site.ingest(frame))[0] == (413 if extra else 200)
    await still_fine(site)


@FUZZ
@given(
    changes=st.dictionaries(
        st.sampled_from([*BEAT, "link", "outbox", "latched", "dropped", "next_s"]), ODD, max_size=4
    )
)
async def test_a_heartbeat_of_any_shape_is_taken_or_refused_and_the_page_stays(site, changes):
    body = json.dumps({**BEAT, **changes}).encode()
    status, _, _ = await site.ask("POST", "/v1/heartbeat", data=body)
    assert status in (200, 400, 403)
    assert (await site.ask("GET", "/api/v1/fleet"))[0] == 200


@FUZZ
@given(changes=st.dictionaries(st.sampled_from([*WHO, "hardware", "capabilities", "devices"]), ODD))
async def test_a_registration_of_any_shape_is_taken_or_refused_and_the_page_stays(site, changes):
    status, _, _ = await site.ask("PUT", "/v1/node", data=json.dumps({**WHO, **changes}).encode())
    assert status in (204, 400, 403)
    assert (await site.ask("GET", "/api/v1/fleet"))[0] == 200
    assert (await site.ask("GET", f"/api/v1/nodes/{NODE}"))[0] in (200, 404)


NAMES = ["node", "sha256", "at", "size", "priority", "wall_ns", "sent_wall_ns", "about"]


@FUZZ
@given(
    name=st.text(min_size=1, max_size=60),
    query=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=70)),
    body=st.binary(max_size=100),
)
async def test_an_upload_of_any_shape_is_refused_in_words(site, name, query, body):
    from yarl import URL

    good = {
        "node": NODE, "sha256": "0" * 64, "at": "0", "size": "100", "priority": "2",
        "wall_ns": "1", "sent_wall_ns": "1",
    }  # fmt: skip
    url = URL("/v1/uploads") / name.replace("/", "_").replace(".", "_")
    status, _, _ = await site.ask("PUT", url.with_query({**good, **query}), data=body)
    assert status in (200, 400, 403, 404, 405, 409, 413, 422, 429)
    await still_fine(site)


@pytest.mark.parametrize("media", ["text/html", "multipart/form-data; boundary=x", "", "\t"])
async def test_another_content_type_is_read_as_what_it_is_or_refused(site, media):
    headers = {"Content-Type": media, "Content-Encoding": "zstd"}
    status, _, _ = await site.ask("POST", "/v1/ingest", data=packed(decision(1)), headers=headers)
    assert status in (200, 400, 415)
    status, _, _ = await site.ask(
        "POST", "/v1/heartbeat", data=packed(decision(2)), headers={"Content-Type": media}
    )
    assert status == 400


@pytest.mark.parametrize("path", ["/v1/ingest", "/v1/heartbeat", "/v1/decide", "/v1/uploads/n-1-1"])
async def test_a_body_that_dribbles_is_given_up_and_its_room_given_back(
    site, wire, monkeypatch, path
):
    """Slow loris: a byte now and then, for ever."""
    monkeypatch.setattr(replies, "BODY_WITHIN_S", 0.2)
    query = (
        f"?node={NODE}&sha256={'0' * 64}&at=0&size=90&priority=1&wall_ns=1&sent_wall_ns=1"
        if "uploads" in path else ""
    )  # fmt: skip
    verb = b"PUT" if query else b"POST"
    async with wire() as line:
        head = f" {path}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 90\r\n\r\nx"
        await line.send(verb + head.encode())
        assert await line.status() == 408
    await still_fine(site)
