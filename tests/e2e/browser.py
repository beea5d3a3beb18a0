"""A real Chromium without a screen, as a test steers it. Every wait is for something that the page shows."""

import base64
import os
import shutil
import tempfile

from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

WAIT_S = 60


class Browser:
    """One window with a profile of its own. certificates: whether any is taken, since a test's CA is nobody's."""

    def __init__(self, width=1440, height=900, dark=False, certificates=False):
        self.folder = tempfile.mkdtemp(prefix="browser")
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--no-proxy-server",
                         "--hide-scrollbars", "--lang=en-GB", f"--user-data-dir={self.folder}", f"--window-size={max(width, 500)},{height}"):
            options.add_argument(argument)
        options.accept_insecure_certs = certificates
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        environment = {**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder, "XDG_CACHE_HOME": self.folder, "TZ": "UTC"}
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver", env=environment), options=options)
        self.emulate(width, height, dark)

    def emulate(self, width, height, dark):
        """A screen of that size, and what its owner likes."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                    {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        shutil.rmtree(self.folder, ignore_errors=True)

    def open(self, url):
        self.driver.get(url)

    def wait(self, wanted, what):
        """What wanted() gives as soon as that is true; elements may be drawn anew meanwhile."""
        try:
            return WebDriverWait(self.driver, WAIT_S, poll_frequency=0.1, ignored_exceptions=(WebDriverException, StopIteration)).until(lambda _: wanted())
        except TimeoutException as late:
            raise AssertionError(f"no {what}; the page says:\n{self.text()}") from late

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector, text=""):
        """The first that is shown and has this in its text."""
        return self.wait(lambda: next((one for one in self.all(selector) if one.is_displayed() and text in one.text), None),
                         f"{selector} with {text!r}")

    def click(self, selector, text=""):
        """Again where it was drawn anew between."""
        def press():
            one = next(one for one in self.all(selector) if one.is_displayed() and text in one.text and one.is_enabled())
            one.click()
            return True
        self.wait(press, f"{selector} with {text!r} to press")

    def text(self, selector="body"):
        return self.driver.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def title(self):
        return self.text("h1")

    def wait_view(self, title=""):
        """Until a view is there, and nothing is under way for it."""
        self.wait(lambda: title in (self.title() or "") and self.title() and not self.all("main[aria-busy]"), f"view {title!r}")

    def errors(self):
        """What the console said of scripts that failed, and of what the page's policy refused."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] == "SEVERE" and "favicon" not in entry["message"]]

    def shoot(self, path):
        """The whole view, however long."""
        size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        picture = self.driver.execute_cdp_cmd("Page.captureScreenshot", {
            "captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}})
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))
