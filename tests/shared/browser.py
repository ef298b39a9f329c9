"""A headless Chromium, driven over a pair of pipes: no driver, no port and no package.

Protocol: https://chromedevtools.github.io/devtools-protocol/; with `--remote-debugging-pipe`
messages of JSON that end in a zero byte, to the browser at its descriptor 3 and from it at 4.
"""

import json
import os
import shutil
import subprocess
import time
from base64 import b64decode
from contextlib import suppress
from pathlib import Path

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--remote-debugging-pipe", "--window-size=1280,900",
)  # fmt: skip
PATIENCE_SECONDS = 60  # of a machine that does much else


def chromium() -> str:
    """The browser, or the test is skipped; in CI, which installs it, it has to be there."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None and os.environ.get("BROWSER_REQUIRED"):
        pytest.fail("no chromium: apt-get install chromium")
    return found or pytest.skip("no chromium: apt-get install chromium")


class Browser:
    """One browser with one page. `requests` are the addresses that the page asked for, `errors`
    what its console or the browser complained of."""

    def __init__(self, folder: Path) -> None:
        ours, theirs = os.pipe(), os.pipe()
        command = [  # other shells know descriptors of one digit alone
            "bash", "-c", f'exec "$0" "$@" 3<&{ours[0]} 4>&{theirs[1]}', chromium(), *FLAGS,
            f"--user-data-dir={folder}", "about:blank",
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, pass_fds=(ours[0], theirs[1]), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(ours[0])
        os.close(theirs[1])
        self.to, self.back = ours[1], theirs[0]
        self.buffer = b""
        self.number = 0
        self.session = ""
        self.requests: list[str] = []
        self.errors: list[str] = []
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def _attach(self) -> None:
        """To a page of its own, whose events are then told."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        with suppress(OSError):
            os.close(self.to)
        self.process.terminate()
        self.process.wait(30)
        os.close(self.back)

    def call(self, method: str, **params: object) -> dict:
        """The answer to one command; what happens meanwhile is noted."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._note(answer)

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.wait("document.documentElement?.dataset.ready === 'true'")

    def js(self, expression: str) -> object:
        """The value of an expression in the page; of a promise, what it holds."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until it holds in the page."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.js(f"Boolean({condition})"):
            assert time.monotonic() < end, (condition, self.errors)
            time.sleep(0.05)

    def move(self, x: float, y: float) -> None:
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def wheel(self, x: float, y: float, by: float, *, alt: bool = False) -> None:
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=by,
                  modifiers=int(alt))  # fmt: skip

    def screenshot(self, path: Path) -> None:
        path.write_bytes(b64decode(self.call("Page.captureScreenshot")["data"]))

    def pdf(self) -> bytes:
        return b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])

    def _next(self) -> dict:
        while b"\0" not in self.buffer:
            read = os.read(self.back, 1 << 20)
            assert read, "the browser has ended"
            self.buffer += read
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(json.dumps(params["exceptionDetails"])[:500])
            case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning", "assert"}:
                self.errors.append(json.dumps(params["args"])[:500])
            case "Log.entryAdded" if params["entry"]["level"] in {"error", "warning"}:
                self.errors.append(params["entry"]["text"])
