"""A reader of server-sent events, as a browser is one."""

from __future__ import annotations

import http.client
import json
from typing import Any


class Reader:
    """An open event stream, read message by message."""

    def __init__(self, port: int, path: str, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._connection.request("GET", path, headers=headers)
        self.reply = self._connection.getresponse()
        self.last_id = ""

    def next(self) -> dict[str, Any]:
        """The next message (run id -> its news)."""
        while True:
            line = self.reply.readline().decode().rstrip("\n")
            if line.startswith("id: "):
                self.last_id = line[4:]
            if line.startswith("data: "):
                return {run["id"]: run for run in json.loads(line[6:])["runs"]}

    def ends(self) -> bool:
        """Whether the server closes the stream."""
        return self.reply.read() is not None

    def close(self) -> None:
        self.reply.close()
        self._connection.close()
