"""A company's proxy on the loopback interface: it knows where names lead, and writes down what it is asked for."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Proxy:
    """``ports``: where each host is on this machine. ``asked``: the first line of each request, with its headers.

    ``refuses``: a status line with which every request is answered.
    """

    ports: Mapping[str, int]
    refuses: str | None = None
    asked: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            line, _, rest = head.decode().partition("\r\n")
            self.asked.append(line)
            self.heads.append(rest)
            if self.refuses is not None:
                writer.write(f"HTTP/1.1 {self.refuses}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                return
            await self._lead(line, rest, reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _lead(self, line: str, rest: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, version = line.split(" ")
        host, _, path = target.removeprefix("http://").partition("/")
        there, onward = await asyncio.open_connection("127.0.0.1", self.ports[host.partition(":")[0]])
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            onward.write(f"{method} /{path} {version}\r\n{rest}".encode())
        forth = asyncio.create_task(_pass_on(reader, onward))
        try:
            await _pass_on(there, writer)
        finally:
            forth.cancel()
            await asyncio.gather(forth, return_exceptions=True)
            onward.close()
            with suppress(OSError):
                await onward.wait_closed()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await reader.read(65_536):
            writer.write(part)
            await writer.drain()


@asynccontextmanager
async def proxying(ports: Mapping[str, int], refuses: str | None = None) -> AsyncIterator[Proxy]:
    """A proxy at work."""
    proxy, tasks = Proxy(ports, refuses), set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        await proxy.serve(reader, writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield proxy
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def authority(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate for a host, signed by nobody but itself, and its key: a company's own authority in short."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=company"
    make += f" -keyout {key} -out {certificate} -addext subjectAltName=DNS:{host}"
    subprocess.run(make.split(), check=True, capture_output=True)
    return certificate, key
