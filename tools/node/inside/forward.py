"""Doors into a network namespace: ``python -m node.inside.forward PID ADDRESS:PORT...``.

It listens on free ports of 127.0.0.1, one for each address, and prints them. What connects there is connected to the
address in the network namespace of the process. So nothing of the host's own network is changed: no link, no address,
no route.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import sys

CHUNK = 1 << 16
CLONE_NEWNET = 0x40000000


def enter_network(pid: int) -> None:
    """Let this thread make its sockets in the network namespace of a process from now on. Source: setns(2).

    Raises:
        OSError: the process is gone, or root is missing.
    """
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(namespace)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


async def _serve(listener: socket.socket, host: str, port: int) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            try:
                inner_reader, inner_writer = await asyncio.open_connection(host, port)
            except OSError:
                return
            with contextlib.closing(inner_writer):
                await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    server = await asyncio.start_server(connected, sock=listener)
    await server.serve_forever()


async def _forward(pid: int, targets: list[tuple[str, int]]) -> None:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in targets]
    enter_network(pid)
    ports = " ".join(str(listener.getsockname()[1]) for listener in listeners)
    print(f"ports {ports}", flush=True)
    doors = [_serve(listener, *target) for listener, target in zip(listeners, targets, strict=True)]
    await asyncio.gather(*doors)


def main() -> None:
    """Forward until it is stopped."""
    pid, *targets = sys.argv[1:]
    pairs = [target.rsplit(":", 1) for target in targets]
    asyncio.run(_forward(int(pid), [(host, int(port)) for host, port in pairs]))


if __name__ == "__main__":
    main()
