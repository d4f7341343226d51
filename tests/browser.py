"""What a real browser says of a page: Chromium without window and network, by the DevTools protocol.

Only the standard library: the protocol's messages are JSON, each ended by a NUL, over two pipes.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
FLAGS = shlex.split("""--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run
    --disable-background-networking --disable-component-update --disable-sync --disable-default-apps
    --disable-extensions --mute-audio --hide-scrollbars --remote-debugging-pipe""")
# Chromium reads its orders on descriptor 3 and answers on 4; a small Python puts our pipes there and becomes Chromium.
LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
EXAMINE = """(async () => {
  document.querySelectorAll('details').forEach(each => { each.open = true });  // what is folded must fit, too
  await new Promise(done => setTimeout(done, 50));
  const images = [...document.images], name = each => each.outerHTML.slice(0, 120);
  const limit = WIDTH + 0.5, root = document.documentElement;
  const clipped = each => {
    for (let box = each.parentElement; box && box !== document.body; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== 'visible') return true;
    return false;
  };
  const wide = [...document.body.querySelectorAll('*')]
    .filter(each => each.getBoundingClientRect().right > limit && !clipped(each));
  return {
    title: document.title,
    missing_images: images.filter(each => !each.complete || !each.naturalWidth).map(name),
    images_without_alt: images.filter(each => !(each.getAttribute('alt') || '').trim()).map(name),
    images: images.length,
    scroll_width: Math.max(root.scrollWidth, document.body.scrollWidth),
    too_wide: wide.slice(0, 5).map(each => `<${each.localName} class="${each.getAttribute('class') || ''}">`),
  };
})()"""


class Browser:
    """A Chromium of our own: `with Browser() as browser: browser.report(path, 360)`; gone afterwards."""

    def __init__(self, seconds: float = 30) -> None:
        self.seconds = seconds  # the longest wait for one answer
        self.number, self.unread, self.events = 0, b"", list[dict[str, Any]]()

    def __enter__(self) -> Browser:
        if CHROMIUM is None:
            raise FileNotFoundError("needs Chromium")
        self.profile = tempfile.mkdtemp(prefix="crmlab-chromium-")
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)]  # clear of 3 and 4
        flags = [*FLAGS, f"--user-data-dir={self.profile}", "--host-resolver-rules=MAP * ~NOTFOUND"]
        self.out, self.into = ours_out, ours_in
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-ISc", LAUNCH, *map(str, ends), CHROMIUM, *flags],
                pass_fds=ends,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            self.close()
            raise
        finally:
            for end in (theirs_in, theirs_out, *ends):
                os.close(end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the browser and everything it started, and remove its profile."""
        if hasattr(self, "process"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # its own session: nothing else is in the group
            self.process.wait()
        os.close(self.out)
        os.close(self.into)
        for _ in range(20):  # the last children may still be writing
            shutil.rmtree(self.profile, ignore_errors=True)
            if not os.path.exists(self.profile):
                break
            time.sleep(0.05)

    def message(self, deadline: float) -> dict[str, Any]:
        """The browser's next message."""
        while b"\0" not in self.unread:
            if not select.select([self.into], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"Chromium did not answer within {self.seconds} s")
            if not (chunk := os.read(self.into, 1 << 16)):
                raise ConnectionError("Chromium ended unexpectedly")
            self.unread += chunk
        first, _, self.unread = self.unread.partition(b"\0")
        return dict(json.loads(first))

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One order, and its answer; what happens meanwhile is kept in `events`."""
        self.number += 1
        order = {"id": self.number, "method": method, "params": parameters}
        data = json.dumps({**order, "sessionId": session} if session else order).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data) :]
        deadline = time.monotonic() + self.seconds
        while (answer := self.message(deadline)).get("id") != self.number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return dict(answer["result"])

    def wait_for(self, event: str) -> None:
        """Wait until the page has told of an event."""
        deadline = time.monotonic() + self.seconds
        while not any(each.get("method") == event for each in self.events):
            self.events.append(self.message(deadline))

    def report(
        self,
        path: str | Path,
        width: int,
        *,
        height: int = 900,
        dark: bool = False,
        media: str = "",
        screenshot: str | Path | None = None,
    ) -> dict[str, Any]:
        """Open a page at a width and say what is wrong with it; `screenshot` is a PNG to write, `media` may be "print".

        Returns
        -------
        dict
            `errors`: console errors, exceptions, what the browser logged as an error; `failed`: requests that failed
            or were refused; `requests`: everything the page asked for beyond itself and data URLs; `missing_images`,
            `images_without_alt`; `overflow`: by how many pixels the page is wider than the window, everything folded
            laid open, and `too_wide`: the first elements that are; also `title`, `images` (how many).
            A page is good when `problems(report)` is empty.
        """
        address = Path(path).resolve().as_uri()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.events = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable", session)
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.call("Network.emulateNetworkConditions", session, **offline)
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if screenshot else 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", session, **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", session, media=media, features=[scheme])
        if wrong := self.call("Page.navigate", session, url=address).get("errorText"):
            raise FileNotFoundError(f"{address}: {wrong}")
        self.wait_for("Page.loadEventFired")
        if screenshot:
            page = self.call("Page.getLayoutMetrics", session)["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": width, "height": min(page["height"], 8000), "scale": 1}
            shot = self.call("Page.captureScreenshot", session, captureBeyondViewport=True, clip=clip)["data"]
            Path(screenshot).write_bytes(base64.b64decode(shot))
        script = EXAMINE.replace("WIDTH", str(width))
        told = self.call("Runtime.evaluate", session, expression=script, awaitPromise=True, returnByValue=True)
        self.call("Target.closeTarget", targetId=target)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"])
        seen: dict[str, Any] = told["result"]["value"]
        seen["overflow"] = max(0, seen.pop("scroll_width") - width)
        return {**seen, **heard(self.events, address)}


def heard(events: list[dict[str, Any]], address: str) -> dict[str, list[str]]:
    """Errors, requests and failed requests among the browser's events."""
    errors, failed, addresses = [], [], dict[str, str]()
    for event in events:
        what, about = event.get("method"), event.get("params", {})
        if what == "Log.entryAdded" and about["entry"]["level"] == "error":
            errors.append(f"{about['entry']['text']} {about['entry'].get('url', '')}".strip())
        elif what == "Runtime.consoleAPICalled" and about["type"] in ("error", "assert"):
            errors.append(" ".join(str(each.get("value", each.get("description", ""))) for each in about["args"]))
        elif what == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            errors.append(details.get("exception", {}).get("description", details["text"]))
        elif what == "Network.requestWillBeSent":
            addresses[about["requestId"]] = about["request"]["url"]
        elif what == "Network.loadingFailed":
            reason = about.get("blockedReason") or about["errorText"]
            failed.append(f"{addresses.get(about['requestId'], '?')[:200]}: {reason}")
    requests = [each for each in addresses.values() if each != address and not each.startswith("data:")]
    return {"errors": errors, "failed": failed, "requests": requests}


def browser_report(path: str | Path, width: int, **options: Any) -> dict[str, Any]:
    """`Browser.report` with a browser for this one page."""
    with Browser() as browser:
        return browser.report(path, width, **options)


def problems(report: dict[str, Any]) -> dict[str, Any]:
    """What of a report a page must not have; empty for a good page."""
    bad = ("errors", "failed", "requests", "missing_images", "images_without_alt", "overflow")
    found = {name: report[name] for name in bad if report[name]}
    return {**found, "too_wide": report["too_wide"]} if "overflow" in found else found
