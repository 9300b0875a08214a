"""A page in headless Chromium, driven over its debugging pipe; for tests of reports.

Nothing but the standard library. Everything that the browser tells is kept: requests, dialogs that
a page opened, what its console and its security policy said."""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-default-apps", "--disable-extensions", "--mute-audio", "--hide-scrollbars",
         "--remote-debugging-pipe"]
# What is answered later than this is taken to hang; nothing is measured by it.
HANG = 120


def find():
    """The browser's program, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One browser with a profile of its own, gone with it."""

    def __init__(self, *flags):
        self.profile = tempfile.TemporaryDirectory(prefix="akashi-browser-",
                                                   ignore_cleanup_errors=True)
        down, self.down = os.pipe()
        self.up, up = os.pipe()

        def pipes():
            os.dup2(down, 13)
            os.dup2(up, 14)
            os.dup2(13, 3)
            os.dup2(14, 4)

        environment = dict(os.environ, HOME=self.profile.name)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            environment.pop(name, None)
            environment.pop(name.upper(), None)
        self.process = subprocess.Popen(
            [find(), *FLAGS, *flags, f"--user-data-dir={self.profile.name}/profile"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=pipes, close_fds=False, env=environment, start_new_session=True)
        os.close(down)
        os.close(up)
        self.number = 0
        self.last = None
        self.buffer = b""
        self.events = []

    def hang(self, *_):
        raise RuntimeError(f"the browser does not answer; last: {self.last}")

    def read(self):
        signal.signal(signal.SIGALRM, self.hang)
        signal.alarm(HANG)
        while b"\0" not in self.buffer:
            data = os.read(self.up, 1 << 20)
            if not data:
                raise RuntimeError("the browser ended")
            self.buffer += data
        signal.alarm(0)
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **params):
        self.number += 1
        self.last = (method, str(params)[:300])
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.down, data):]
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.take(answer)

    def take(self, event):
        self.events.append(event)
        if event["method"] == "Page.javascriptDialogOpening":
            self.number += 1
            os.write(self.down, json.dumps(
                {"id": self.number, "method": "Page.handleJavaScriptDialog",
                 "sessionId": event["sessionId"], "params": {"accept": True}}).encode() + b"\0")

    def page(self, path, **how):
        return Page(self, path, **how)

    def close(self):
        try:
            self.call("Browser.close")
        except (RuntimeError, OSError):
            pass
        try:
            self.process.wait(HANG)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.down)
        os.close(self.up)
        self.profile.cleanup()


class Page:
    """One file in a tab. `scripts` off: the page's own do not run, what a test asks does."""

    def __init__(self, browser, path, scripts=True, dark=False, width=1100, height=1500):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target,
                                    flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.url = "file://" + os.path.realpath(path)
        self.call("Page.navigate", url=self.url)
        self.wait(lambda: self.of("Page.loadEventFired"))

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def of(self, method):
        return [e["params"] for e in self.browser.events
                if e["method"] == method and e.get("sessionId") == self.session]

    def wait(self, truth):
        while not truth():
            self.browser.take(self.browser.read())

    def run(self, expression):
        """The value of an expression in the page; promises are waited for."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                         awaitPromise=True)
        if "exceptionDetails" in done:
            raise RuntimeError(str(done["exceptionDetails"]))
        return done["result"].get("value")

    def text(self):
        return self.run("document.body.innerText")

    def requests(self):
        """All that was asked for but the page itself."""
        return [e["request"]["url"][:200] for e in self.of("Network.requestWillBeSent")
                if e["request"]["url"] != self.url]

    def complaints(self):
        """What the console, the security policy and dialogs said."""
        return ([e["entry"]["text"] for e in self.of("Log.entryAdded")]
                + [str(e["args"]) for e in self.of("Runtime.consoleAPICalled")]
                + [str(e["exceptionDetails"]) for e in self.of("Runtime.exceptionThrown")]
                + [e["message"] for e in self.of("Page.javascriptDialogOpening")])

    def type(self, selector, text):
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def key(self, name, code):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name,
                      windowsVirtualKeyCode=code, text="\r" if name == "Enter" else "")

    def picture(self, path, whole=True):
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def paper(self, path):
        data = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
