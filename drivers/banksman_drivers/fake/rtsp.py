"""An RTSP camera that ships for trials and tests: a real server, whose faults come on demand.

Rules of this file
- RTSP 1.0 (RFC 2326) with RTP in the same TCP connection ("interleaved"), which any client that
  crosses a firewall asks for. Motion JPEG, one track.
- With a login it asks for Digest (RFC 2617, MD5), as cameras do.
- Pictures come from a function: the number of the frame in, a JPEG file out.

    client                                server
    OPTIONS, DESCRIBE        ->           200, what there is (or 401, who are you?)
    SETUP interleaved=0-1    ->           200
    PLAY                     ->           200, then  $ 0 length packet  $ 0 length packet …

    server = RtspServer(pictures, fps=25, login=("viewer", "secret"))
    await server.start()
    server.faults.stall = True            # it stays connected and says nothing more
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import secrets
import struct
from collections.abc import Callable

import msgspec

from banksman_drivers.fake.rtp_jpeg import CLOCK_HZ, PAYLOAD_TYPE, Packer, read_jpeg

REALM = "fake camera"
REQUEST_BYTES_MAX = 16_384
SESSION = "12345678"
METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
FIELD = re.compile(r'(\w+)="([^"]*)"')


class Faults(msgspec.Struct):
    """What the camera does wrong now; each may be set while it runs."""

    mute: bool = False  # answers no request
    stall: bool = False  # sends no more frames
    garbage: bool = False  # sends frames whose data is noise
    lose_frames: int = 0  # so many next frames are taken and not sent


class RtspServer:
    """One camera. ``connections`` are those open now, ``refused`` the requests without login."""

    def __init__(
        self,
        picture: Callable[[int], bytes],
        fps: float = 25.0,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.port = 0
        self.faults = Faults()
        self.connections = 0
        self.refused = 0
        self.sent = 0
        self._picture = picture
        self._fps = fps
        self._login = login
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._nonce = secrets.token_hex(8)

    @property
    def url(self) -> str:
        """Its address, without the login."""
        return f"rtsp://127.0.0.1:{self.port}/line"

    async def start(self) -> None:
        """Listen, on the port of last time if there was one."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, limit=REQUEST_BYTES_MAX
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut every connection and listen no more."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        await self.cut()
        await server.wait_closed()

    async def cut(self) -> None:
        """Cut every connection, and go on listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        self.connections += 1
        playing: asyncio.Task[None] | None = None
        try:
            while (request := await _read_request(reader)) is not None:
                if self.faults.mute:
                    continue
                answer = self._answer(*request)
                writer.write(answer)
                await writer.drain()
                if request[0] == "PLAY" and b" 200 " in answer and playing is None:
                    playing = asyncio.create_task(self._play(writer))
                if request[0] == "TEARDOWN":
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client went, or `cut`: either way it is over
        finally:
            if playing is not None:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
            writer.transport.abort()
            self.connections -= 1
            if task is not None:
                self._tasks.discard(task)

    def _answer(self, method: str, url: str, headers: dict[str, str]) -> bytes:
        lines = [f"CSeq: {headers.get('cseq', '0')}"]
        body = ""
        status = "200 OK"
        if method == "OPTIONS":
            lines.append(f"Public: {METHODS}")
        elif not self._known(method, headers.get("authorization", "")):
            self.refused += 1
            status = "401 Unauthorized"
            lines.append(f'WWW-Authenticate: Digest realm="{REALM}", nonce="{self._nonce}"')
        elif method == "DESCRIBE":
            body = self._description()
            lines += [f"Content-Base: {url}/", "Content-Type: application/sdp"]
            lines.append(f"Content-Length: {len(body)}")
        elif method == "SETUP" and "interleaved=" not in headers.get("transport", ""):
            status = "461 Unsupported Transport"
        elif method == "SETUP":
            lines += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", f"Session: {SESSION}"]
        elif method in METHODS:
            lines.append(f"Session: {SESSION}")
        else:
            status = "501 Not Implemented"
        return "\r\n".join((f"RTSP/1.0 {status}", *lines, "", body)).encode()

    def _known(self, method: str, authorization: str) -> bool:
        if self._login is None:
            return True
        if not authorization.startswith("Digest "):
            return False
        said = dict(FIELD.findall(authorization))
        user, password = self._login
        who = _md5(f"{user}:{REALM}:{password}")
        what = _md5(f"{method}:{said.get('uri', '')}")
        wanted = _md5(f"{who}:{self._nonce}:{what}")
        return said.get("username") == user and said.get("response") == wanted

    def _description(self) -> str:
        lines = (
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=line", "c=IN IP4 0.0.0.0", "t=0 0",
            f"m=video 0 RTP/AVP {PAYLOAD_TYPE}", f"a=framerate:{self._fps:g}", "a=control:track1",
        )  # fmt: skip
        return "\r\n".join((*lines, ""))

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        """Send each frame at its time; one that is not sent takes its time all the same."""
        loop = asyncio.get_running_loop()
        packer = Packer()
        start_s = loop.time()
        number = 0
        while True:
            await asyncio.sleep(max(0.0, start_s + number / self._fps - loop.time()))
            if self.faults.lose_frames > 0:
                self.faults.lose_frames -= 1
            elif not self.faults.stall:
                jpeg = read_jpeg(self._picture(number))
                if self.faults.garbage:
                    noise = secrets.token_bytes(len(jpeg.scan))
                    jpeg = msgspec.structs.replace(jpeg, scan=noise)
                for packet in packer.packets(jpeg, round(number * CLOCK_HZ / self._fps)):
                    writer.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
                await writer.drain()
                self.sent += 1
            number += 1


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]] | None:
    """Method, address and headers; None at the end, or for what is no request."""
    try:
        while (first := await reader.readexactly(1)) == b"$":  # RTCP of the client
            _, length = struct.unpack(">BH", await reader.readexactly(3))
            await reader.readexactly(length)
        head = first + await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    request, *lines = head.decode("latin-1").split("\r\n")
    words = request.split(" ")
    if len(words) != 3:
        return None
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    with contextlib.suppress(ValueError, asyncio.IncompleteReadError):
        await reader.readexactly(min(int(headers.get("content-length", "0")), REQUEST_BYTES_MAX))
    return words[0], words[1], headers


def _md5(text: str) -> str:
    """As RFC 2617 wants it; it proves nothing to anybody but a camera."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
