"""`status` and `tail` beside a served daemon: what people read, and how the pipe ends."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from banksman.cli import main
from banksman.clock import SystemClock
from banksman.web.fake_page import FakePage
from banksman.wire.messages import Priority


@pytest.fixture
async def page(tmp_path):
    async with FakePage(SystemClock(), tmp_path) as served:
        yield served


async def test_tail_tells_an_alarm_when_it_is_raised_and_when_it_is_acknowledged(page, capsys):
    words = ["tail", "--json", "--count", "2", "--url", page.url]
    tail = asyncio.create_task(asyncio.to_thread(main, words))
    number = 0
    while not tail.done():
        number += 1
        page.appliance.alarm(f"oven.{number}", "the oven is hot", Priority.CRITICAL)
        await asyncio.sleep(0.05)
    assert await tail == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(item["kind"], item["active"], item["text"]) for item in told] == [
        ("alarm", True, "the oven is hot")
    ] * 2


async def test_tail_does_not_tell_as_news_what_stood_before_it_came(page, capsys):
    page.appliance.alarm("old", "the oven was hot yesterday", Priority.CRITICAL)
    tail = asyncio.create_task(
        asyncio.to_thread(main, ["tail", "--json", "--count", "1", "--url", page.url])
    )
    number = 0
    while not tail.done():
        number += 1
        page.appliance.alarm(f"new.{number}", "the oven is hot", Priority.CRITICAL)
        await asyncio.sleep(0.05)
    assert await tail == 0
    assert json.loads(capsys.readouterr().out)["text"] == "the oven is hot"


SNAPSHOT = b'event: snapshot\ndata: {"alarms": []}\n\n'


@pytest.mark.parametrize("farewell", [b"0\r\n\r\n", b"", b"ff\r\nevent: al"])
async def test_tail_says_that_the_daemon_has_ended_however_it_did(farewell, capsys):
    async def end(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"%x\r\n%b\r\n" % (len(SNAPSHOT), SNAPSHOT) + farewell)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(end, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        code = await asyncio.to_thread(main, ["tail", "--url", f"http://127.0.0.1:{port}"])
    assert code == 6
    assert "the daemon has ended" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["press1:8080", "press1", "ftp://press1", "http://"])
def test_a_url_that_names_no_host_is_refused_rather_than_asking_this_box(url, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["status", "--url", url])
    assert ended.value.code == 2
    assert f"{url} is no URL like http://127.0.0.1:8080" in capsys.readouterr().err


@pytest.mark.parametrize("lines", ["-3", "many"])
def test_tail_refuses_a_number_of_lines_that_is_none(lines, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["tail", f"--count={lines}"])
    assert ended.value.code == 2
    assert f"{lines} is not a number of lines" in capsys.readouterr().err


async def test_status_tells_what_an_alarm_caused_under_it(page, capsys):
    page.appliance.alarm("device.plc", "lost", Priority.CRITICAL)
    page.appliance.alarm("hopper", "cannot be read", Priority.NORMAL, under="device.plc")
    page.appliance.alarm("oven", "is hot", Priority.NORMAL, under="device.gone")
    await asyncio.to_thread(main, ["status", "--url", page.url])
    told = capsys.readouterr().out.splitlines()
    cause = told.index("alarm device.plc (active, not acknowledged): lost")
    assert told[cause + 1] == "  it caused hopper: cannot be read"
    assert "alarm oven (active): is hot" in told


async def test_status_tells_an_alarm_that_holds_from_one_that_is_over(page, capsys):
    page.appliance.alarm("trip.line", "a part is jammed", Priority.CRITICAL)
    await asyncio.to_thread(main, ["status", "--url", page.url])
    assert "alarm trip.line (active, not acknowledged): a part is jammed" in capsys.readouterr().out


def test_a_reader_who_has_seen_enough_ends_a_command_without_a_traceback():
    command = [sys.executable, "-m", "banksman.cli", "check", "--reference"]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        ended = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (141, b"")
