"""Bodies that want memory, time or a fault of ours."""

from __future__ import annotations

import io

import msgspec
import zstandard
from cloud_batches import NODE, decision, packed, raw
from cloud_site import CloudSite
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banksman.wire.uplink import BATCH_BYTES_MAX
from banksman_cloud.web.turnstile import Turnstile

GIGABYTE = 2**30


def bomb(*, tells_its_size: bool) -> bytes:
    """A gigabyte of zeros as 30 to 100 kB."""
    chunk = bytes(2**20)
    size = GIGABYTE if tells_its_size else -1
    packer = zstandard.ZstdCompressor().compressobj(size=size)
    return b"".join([*(packer.compress(chunk) for _ in range(1024)), packer.flush()])


async def test_a_bomb_that_tells_its_size_is_refused_before_it_is_unpacked(site):
    status, problem, _ = await site.ingest(bomb(tells_its_size=True))
    assert (status, problem["type"]) == (413, "/api#too-large")


async def test_a_bomb_that_hides_its_size_is_refused_at_the_bound(site):
    status, _, _ = await site.ingest(bomb(tells_its_size=False))
    assert status == 413
    assert site.turnstile.bytes_peak < 6 * BATCH_BYTES_MAX


async def test_a_bomb_within_a_bomb_is_just_garbage(site):
    status, _, _ = await site.ingest(zstandard.compress(bomb(tells_its_size=True)))
    assert status == 400


async def test_a_frame_that_lies_about_its_size_is_refused(site):
    # The content size of a small frame stands in its header's last byte.
    lying = bytearray(zstandard.compress(b"x" * 100))
    assert lying[5] == 100
    for size in (0, 99, 101, 255):
        lying[5] = size
        assert (await site.ingest(bytes(lying)))[0] == 400


async def test_a_length_field_that_promises_gigabytes_reserves_none(site):
    # msgpack's array32 and bin32 with nothing behind them.
    for claim in (b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff"):
        status, problem, _ = await site.ingest(zstandard.compress(claim))
        assert (status, problem["type"]) == (400, "/api#no-batch")


async def test_nesting_without_end_is_refused(site):
    deep = b"\x91" * 1_000_000
    assert (await site.ingest(zstandard.compress(deep)))[0] == 400
    assert (await site.ask("POST", "/v1/decide", data=b'{"inputs":' * 50_000))[0] == 400


async def test_a_body_that_breaks_off_keeps_nothing(site, wire):
    body = packed(*(decision(n) for n in range(50)))
    async with wire() as line:
        await line.head(Content_Encoding="zstd", Content_Length=str(len(body)))
        await line.send(body[:-10])
        line.writer.write_eof()
        assert await line.status() in (0, 400)
    assert (await site.ask("GET", "/api/v1/records"))[1]["records"] == []
    assert site.turnstile.batches == 0


async def test_a_body_longer_than_it_says_is_not_read_on(site, wire):
    async with wire() as line:
        await line.head(Content_Length="5")
        await line.send(b"12345")
        assert await line.status() == 400


async def test_a_stream_without_end_is_cut_at_the_bound(site, wire):
    async with wire() as line:
        await line.head(Transfer_Encoding="chunked", Content_Encoding="zstd")
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        for _ in range(BATCH_BYTES_MAX // 0x10000 + 2):
            await line.send(chunk)
        assert await line.status() == 413


async def test_a_negative_or_foul_length_is_no_request(site, wire):
    for length in ("-1", "1e9", "0x10", "18446744073709551616", ""):
        async with wire() as line:
            await line.head(Content_Length=length)
            assert await line.status() in (400, 411, 413)


async def test_another_encoding_is_named_and_refused(site):
    for encoding in ("gzip", "br", "deflate", "zstd, zstd", "x" * 500):
        status, problem, _ = await site.ask(
            "POST", "/v1/ingest", data=b"x", headers={"Content-Encoding": encoding}
        )
        assert (status, problem["type"]) == (415, "/api#encoding")


async def test_ten_thousand_items_must_be_cut(site):
    status, problem, _ = await site.ingest(packed(*(decision(n) for n in range(5_001))))
    assert (status, problem["type"]) == (413, "/api#too-many-items")


async def test_who_is_turned_away_is_told_when_to_come_back(endpoint):
    async with CloudSite(endpoint, lambda: 1, turnstile=Turnstile(bytes_max=1000)) as small:
        status, problem, headers = await small.ingest(io.BytesIO(b"x" * 2000))
        assert (status, problem["type"]) == (429, "/api#busy")
        assert 1 <= int(headers["Retry-After"]) <= 30
        assert small.turnstile.bytes_held == 0


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300), encoding=st.sampled_from(["zstd", "identity"]))
async def test_no_garbage_is_a_fault_of_ours(site, data, encoding):
    status, problem, headers = await site.ask(
        "POST", "/v1/ingest", data=data, headers={"Content-Encoding": encoding}
    )
    assert status == 400
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["detail"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 400), byte=st.integers(0, 255))
async def test_a_bit_that_tipped_on_the_way_is_told_or_harmless(site, at, byte):
    body = bytearray(raw(decision(1)))
    body[at % len(body)] = byte
    status, _, _ = await site.ask("POST", "/v1/ingest", data=bytes(body))
    assert status in (200, 400, 403)


async def test_text_that_a_page_would_run_stays_text(site):
    script = "<script>alert(1)</script>"
    await site.ingest(packed(decision(1, reason=script)))
    _, page, headers = await site.ask("GET", "/api/v1/records?text=script")
    assert page["records"][0]["message"]["reason"] == script
    assert headers["Content-Type"].startswith("application/json")
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_a_body_that_is_not_json_reaches_no_page(site):
    bad = msgspec.structs.replace(decision(1), body=decision(1).body + b',"x":1}]')
    assert (await site.ingest(packed(bad)))[1]["refused"][0]["id"] == f"{NODE}-1-1"
