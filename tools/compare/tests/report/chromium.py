"""A headless Chromium, told what to do over its DevTools protocol."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_PATIENCE = 60  # seconds: other tests may have every core


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Starts one, with a home of its own, and ends it."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as home, ExitStack() as stack:
        command = [CHROMIUM, "--headless", "--remote-debugging-port=0", f"--user-data-dir={home}", "--disable-gpu"]
        command += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
        command += ["--disable-dev-shm-usage", "--disable-extensions", "about:blank"]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium refuses to run as root with one
        own = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
        process = subprocess.Popen(command, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(_end, process)
        address = _address(process, Path(home) / "DevToolsActivePort")
        # Without pings: their thread would draw random numbers in the middle of other tests, which Hypothesis minds.
        socket = connect(address, max_size=None, open_timeout=_PATIENCE, ping_interval=None)
        yield Chromium(stack.enter_context(socket))


def _address(process: subprocess.Popen[bytes], told: Path) -> str:
    """Of the first page, once Chromium has said on which port it listens."""
    until = time.monotonic() + _PATIENCE
    while not (told.exists() and told.read_text().count("\n")):
        assert process.poll() is None, "Chromium ended as it began"
        assert time.monotonic() < until, "Chromium did not start"
        time.sleep(0.05)
    port = int(told.read_text().split()[0])
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=_PATIENCE) as answer:
        return str(next(one["webSocketDebuggerUrl"] for one in json.load(answer) if one["type"] == "page"))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Chromium:
    """One window. `seen` has what pages have asked for, said, and thrown since the last `open`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.seen: list[tuple[str, str]] = []
        self._last = 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """The result of a command of the protocol."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            message = self._next()
            if message.get("id") == self._last:
                assert "error" not in message, message["error"]
                return message["result"]

    def open(self, path: Path, width: int, height: int, scheme: str) -> None:
        """Show a file until it has loaded, on a screen of so many pixels that is `light` or `dark`."""
        self.seen.clear()
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=path.as_uri())
        while ("loaded", "") not in self.seen:
            self._next()

    def evaluate(self, script: str) -> Any:
        """What a script makes of the page, as JSON."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def of(self, kind: str) -> list[str]:
        """What was `requested`, `said` or `thrown`."""
        return [text for known, text in self.seen if known == kind]

    def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=_PATIENCE))
        told = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.seen.append(("requested", told["request"]["url"]))
            case "Runtime.consoleAPICalled":
                self.seen.append(("said", json.dumps(told["args"])))
            case "Log.entryAdded":
                self.seen.append(("said", told["entry"]["text"]))
            case "Runtime.exceptionThrown":
                self.seen.append(("thrown", told["exceptionDetails"]["text"]))
            case "Page.loadEventFired":
                self.seen.append(("loaded", ""))
        return message
