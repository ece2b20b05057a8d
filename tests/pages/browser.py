"""Headless Chromium, driven through chromedriver (W3C WebDriver) with the standard library alone.

    with Browser() as browser:
        browser.open(pathlib.Path("report.html"))
        browser.click("#next")
        assert browser.run("return document.title") == "..."

Whatever the browser refuses to do is an Error with its reason. An element is named by a CSS
selector, of which the first match counts.
"""
import base64
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

# What keeps Chromium from asking the network for anything on its own.
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS_TO_START = 30
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of the WebDriver standard
# As WebDriver spells them.
KEYS = {
    "Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Space": " ",
    "PageUp": "\ue00e", "PageDown": "\ue00f", "End": "\ue010", "Home": "\ue011",
    "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015",
    "Shift": "\ue008",
}  # fmt: skip


class Error(Exception):
    """What the browser could not do; one line."""


class Browser:
    def __init__(self):
        self.driver = self.session = None
        self.opened = set()  # the URLs that were asked for by open()
        self.folder = tempfile.mkdtemp()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _start(self):
        driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
        if not driver or not chromium:
            raise Error("no chromium or no chromedriver: apps/install_packages.sh full")
        log = pathlib.Path(self.folder, "driver.log")
        with log.open("w", encoding="utf-8") as output:
            # Port 0 is any that is free; the log says which.
            self.driver = subprocess.Popen([driver, "--port=0"], stdout=output, stderr=output)
        self.root = "http://127.0.0.1:" + self._wait_for_port(log)
        options = {
            "binary": chromium,
            "args": ARGUMENTS + ["--user-data-dir=" + self.folder + "/profile"],
        }
        logs = {"browser": "ALL", "performance": "ALL"}
        capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": logs}
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.session = answer["sessionId"]
        self.version = answer["capabilities"]["browserVersion"]
        self.open("about:blank")
        self.requests()  # of the page that the browser starts with

    def _wait_for_port(self, log):
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self.driver.poll() is None:
            text = log.read_text(encoding="utf-8")
            if "on port " in text:
                port = text.rsplit("on port ", 1)[1].split(".")[0]
                if port.isdigit() and port != "0":
                    return port
            time.sleep(0.02)
        raise Error("chromedriver did not start: " + " ".join(log.read_text("utf-8").split()))

    def close(self):
        """Ends the browser and the driver, and removes what they wrote."""
        try:
            if self.session:
                self._call("DELETE", "")
        except Error:
            pass  # it is gone already
        if self.driver:
            self.driver.terminate()
            self.driver.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _call(self, method, path, body=None):
        if self.session:
            path = f"/session/{self.session}{path}"
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.root + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise Error(f"{value['error']}: {value['message'].splitlines()[0]}") from None
        except OSError as error:
            raise Error(f"chromedriver: {error}") from None

    def cdp(self, command, **parameters):
        """A command of the DevTools protocol."""
        return self._call(
            "POST", "/goog/cdp/execute", {"cmd": command, "params": parameters}
        )

    # --- The page ---

    def open(self, page):
        """Loads a path or a URL, and returns when its load event is over."""
        url = page if isinstance(page, str) else pathlib.Path(page).resolve().as_uri()
        self.opened.add(url)
        self._call("POST", "/url", {"url": url})

    def set_timeout(self, seconds):
        """Of opening a page and of what run() runs: longer is an Error."""
        milliseconds = int(1000 * seconds)
        self._call("POST", "/timeouts", {"pageLoad": milliseconds, "script": milliseconds})

    def run(self, script, *arguments):
        """What the body of a function returns: run("return arguments[0] + 1", 2) is 3. A promise
        is waited for."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def frame(self):
        """Returns when the page has been drawn once more."""
        self.run("return new Promise((r) => requestAnimationFrame(() => setTimeout(r, 0)))")

    def wait_for(self, script, seconds=5):
        """Until the expression is true."""
        deadline = time.monotonic() + seconds
        while not self.run("return Boolean(" + script + ")"):
            if time.monotonic() > deadline:
                raise Error("waited in vain for " + script)
            time.sleep(0.02)

    def text(self, selector):
        """None if there is no such element."""
        return self.run("return document.querySelector(arguments[0])?.textContent", selector)

    def count(self, selector):
        return self.run("return document.querySelectorAll(arguments[0]).length", selector)

    # --- What a user does ---

    def _find(self, selector):
        return self._call("POST", "/element", {"using": "css selector", "value": selector})

    def focus(self, selector):
        self.run("document.querySelector(arguments[0]).focus()", selector)

    def press(self, *keys):
        """Keys by their names in KEYS, or single characters, one after another, at the focus."""
        actions = []
        for key in keys:
            value = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self._act({"type": "key", "id": "keyboard", "actions": actions})

    def click(self, selector, kind="mouse"):
        """In the middle, where it is scrolled into view first."""
        self.drag(selector, [(0.5, 0.5)], kind)

    def drag(self, selector, points, kind="mouse"):
        """Presses at the first point, moves over the others and lets go. Points are fractions of
        the element's width and height; `kind` is mouse, touch or pen."""
        moves = self._moves(selector, points)
        actions = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:]]
        self._pointer(kind, actions + [{"type": "pointerUp", "button": 0}])

    def hover(self, selector, point=(0.5, 0.5)):
        self._pointer("mouse", self._moves(selector, [point]))

    def _moves(self, selector, points):
        box = self.run(
            "const e = document.querySelector(arguments[0]);"
            "e.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const r = e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]",
            selector,
        )
        left, top, width, height = box
        return [
            {
                "type": "pointerMove",
                "duration": 20,
                "origin": "viewport",
                "x": round(left + x * width),
                "y": round(top + y * height),
            }
            for x, y in points
        ]

    def _pointer(self, kind, actions):
        self._act(
            {
                "type": "pointer",
                "id": kind,
                "parameters": {"pointerType": kind},
                "actions": actions,
            }
        )

    def _act(self, source):
        self._call("POST", "/actions", {"actions": [source]})

    # --- How it is shown ---

    def resize(self, width, height):
        """The page's own size, also below the narrowest window."""
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def emulate(self, scheme="light", medium=""):
        """A colour scheme, light or dark; a medium, such as print."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.cdp("Emulation.setEmulatedMedia", media=medium, features=features)

    def screenshot(self, path, whole=True):
        """A PNG of the whole page, or of what the window shows."""
        extent = {}
        if whole:
            size = self.cdp("Page.getLayoutMetrics")["cssContentSize"]
            extent = {"captureBeyondViewport": True, "clip": {**size, "scale": 1}}
        picture = self.cdp("Page.captureScreenshot", **extent)
        pathlib.Path(path).write_bytes(base64.b64decode(picture["data"]))

    # --- What it left behind ---

    def _log(self, kind):
        return self._call("POST", "/se/log", {"type": kind})

    def console(self):
        """The lines of the console since the last call, "LEVEL text": errors of scripts,
        violations of the policy and failed requests are among them."""
        return [f"{entry['level']} {entry['message']}" for entry in self._log("browser")]

    def requests(self):
        """The URLs that were asked for since the last call, in order."""
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
