"""Headless Chromium, driven through its DevTools protocol over a pair of pipes."""
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

import pytest

from tests.helpers import need_command

#: Chromium reads commands from descriptor 3 and writes answers and events to descriptor 4.
_WITH_PIPES = ("import os, sys; os.dup2(int(sys.argv[1]), 13); os.dup2(int(sys.argv[2]), 14); "
               "os.dup2(13, 3); os.dup2(14, 4); os.closerange(5, 15); "
               "os.execv(sys.argv[3], sys.argv[3:])")

#: Nothing but the page: no sandbox (tests run as root), no first run, no traffic of its own.
_OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe")


@contextlib.contextmanager
def chromium():
    """A Browser with one empty page, ended by its pid."""
    command = need_command("chromium")
    profile = tempfile.mkdtemp()
    from_us, to_us = os.pipe(), os.pipe()
    for descriptor in (from_us[0], to_us[1]):
        getattr(os, "set_inheritable", lambda *args: None)(descriptor, True)
    with open(os.devnull, "r+b") as nowhere:
        process = subprocess.Popen(
            [sys.executable, "-c", _WITH_PIPES, str(from_us[0]), str(to_us[1]), command]
            + list(_OPTIONS) + ["--user-data-dir=" + profile, "about:blank"],
            close_fds=False, stdin=nowhere, stdout=nowhere, stderr=nowhere)
    os.close(from_us[0])
    os.close(to_us[1])
    try:
        yield Browser(from_us[1], to_us[0])
    finally:
        os.close(from_us[1])  # that ends it
        os.close(to_us[0])
        process.terminate()
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)


class Browser(object):
    """One page: where it goes, what it shows, and what its console says."""

    def __init__(self, write_to, read_from):
        self._write_to, self._read_from = write_to, read_from
        self._unread, self._number, self._session = b"", 0, None
        #: Events of the protocol, in order.
        self.events = []
        target = [one for one in self.call("Target.getTargets")["targetInfos"]
                  if one["type"] == "page"][0]["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target,
                                  flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")

    def call(self, method, **params):
        """The result of one command."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write_to, json.dumps(message).encode("ascii") + b"\0")
        while True:
            answer = self._receive(time.time() + 60)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def wait_for(self, event):
        """Waits for the next event of that name and returns its parameters."""
        seen, deadline = len(self.events), time.time() + 60
        while True:
            for one in self.events[seen:]:
                if one["method"] == event:
                    return one["params"]
            seen = len(self.events)
            self._receive(deadline)

    def open(self, url, width=1280, scheme="light"):
        """Goes to a URL in a window of that many CSS pixels, and waits for its load."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        del self.events[:]
        self.call("Page.navigate", url=url)
        if not [one for one in self.events if one["method"] == "Page.loadEventFired"]:
            self.wait_for("Page.loadEventFired")

    def value(self, expression):
        """The value of a JavaScript expression in the page (the page's own policy aside)."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def complaints(self):
        """What the console says of the page: refused scripts and styles, errors."""
        return [one["params"] for one in self.events
                if one["method"] in ("Log.entryAdded", "Runtime.exceptionThrown",
                                     "Runtime.consoleAPICalled")]

    def _receive(self, deadline):
        """The next message; an event is noted in .events too."""
        while b"\0" not in self._unread:
            if not select.select([self._read_from], [], [], max(0, deadline - time.time()))[0]:
                pytest.fail("Chromium said nothing in time")
            chunk = os.read(self._read_from, 1 << 16)
            if not chunk:
                pytest.fail("Chromium ended")
            self._unread += chunk
        raw, _, self._unread = self._unread.partition(b"\0")
        message = json.loads(raw.decode("utf-8"))
        if "method" in message:
            self.events.append(message)
        return message
