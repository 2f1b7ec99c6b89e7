"""A real browser without a window, driven over its debugging protocol: pages are loaded, typed into, hovered, seen."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
MISSING = "no Chromium here: apt-get install chromium"


class Page:
    """A page in a fresh browser; ``with`` ends it."""

    def __init__(self, file: Path, folder: Path, size: tuple[int, int] = (1300, 900)) -> None:
        assert BROWSER, MISSING
        # a sandbox needs rights that containers seldom have, and a network is what a page must not need
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0"]
        options += [
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        ]
        words = [BROWSER, *options, f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}", "about:blank"]
        self._browser = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._loop = asyncio.new_event_loop()
        self._number = 0
        self.console: list[str] = []
        try:
            self._connect(folder, size)
            self.call("Page.navigate", url=file.resolve().as_uri())
        except BaseException:
            self.close()
            raise

    def _connect(self, folder: Path, size: tuple[int, int]) -> None:
        from tornado.websocket import websocket_connect

        port = self.wait(lambda: (folder / "DevToolsActivePort").read_text().split()[0], OSError)
        listed = f"http://127.0.0.1:{port}/json/list"
        targets = self.wait(lambda: json.load(urllib.request.urlopen(listed)), OSError)
        address = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")

        async def connect() -> Any:
            return await websocket_connect(address, max_message_size=1 << 28)

        self._socket: Any = self._loop.run_until_complete(asyncio.wait_for(connect(), 60))
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        width, height = size
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        self._number += 1
        message = json.dumps({"id": self._number, "method": method, "params": arguments})
        return self._loop.run_until_complete(asyncio.wait_for(self._answer(message), 120))

    async def _answer(self, message: str) -> dict[str, Any]:
        await self._socket.write_message(message)
        while True:
            told = json.loads(await self._socket.read_message())
            if told.get("method") == "Runtime.exceptionThrown":
                self.console.append(json.dumps(told["params"]))
            if told.get("method") == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
                self.console.append(told["params"]["entry"]["text"])
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]

    def run(self, code: str) -> Any:
        """The value of an expression of JavaScript."""
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, ask: Any, *errors: type[Exception], seconds: float = 90) -> Any:
        """What ``ask`` says once it says something."""
        end = time.monotonic() + seconds
        while True:
            try:
                if found := ask():
                    return found
            except errors:
                pass
            assert time.monotonic() < end, "the browser did not answer in time"
            time.sleep(0.1)

    def mouse(self, kind: str, x: float, y: float) -> None:
        button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)

    def click(self, x: float, y: float) -> None:
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.mouse(kind, x, y)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def screenshot(self, path: Path) -> Path:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
        return path

    def close(self) -> None:
        self._browser.terminate()
        self._browser.wait(30)
        self._loop.close()

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
