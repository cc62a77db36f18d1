"""Drives poulpe's web page in a real browser. Started by tests/page.rs with a JSON object as its only argument:
`url`, `token` (may be empty), `language`, `scenario`, and `pictures`, a directory for screenshots or nothing.
Prints nothing when all is well; an assertion says what a reader would have missed."""

import json
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 60


class Page:
    """The page in a browser of its own."""

    def __init__(self, settings):
        options = webdriver.ChromeOptions()
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900",
                     "--force-prefers-reduced-motion"):
            options.add_argument(flag)
        options.add_argument(f"--lang={settings['language']}")
        options.add_experimental_option("prefs", {"intl.accept_languages": settings["language"]})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.settings = settings

    def open(self, place=""):
        self.driver.get(f"{self.settings['url']}/{place}")

    def go(self, place):
        self.run(f"location.hash = {json.dumps(place)}")

    def run(self, script, *values):
        return self.driver.execute_script(script, *values)

    def until(self, what, ask):
        """Waits for something to be true, and gives it."""
        def asked(_):
            try:
                return ask()
            except Exception:  # the page is being built anew
                return False
        return WebDriverWait(self.driver, PATIENCE, 0.05).until(asked, f"never seen: {what}\n{self.text()}")

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    def sees(self, *words):
        for word in words:
            self.until(f"the words {word!r}", lambda: word in self.text())

    def find(self, selector):
        return self.until(selector, lambda: self.driver.find_element(By.CSS_SELECTOR, selector))

    def click(self, selector):
        self.until(f"a click on {selector}", lambda: self.driver.find_element(By.CSS_SELECTOR, selector).click() or True)

    def click_button(self, text, within="main"):
        def click():
            for button in self.driver.find_elements(By.CSS_SELECTOR, f"{within} button"):
                if button.text == text and button.is_enabled() and button.is_displayed():
                    button.click()
                    return True
            return False
        self.until(f"a button {text!r}", click)

    def picture(self, name):
        if self.settings.get("pictures"):
            self.driver.save_screenshot(f"{self.settings['pictures']}/{name}.png")

    def colours(self, scheme):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        return self.run("return getComputedStyle(document.body).backgroundColor")

    def width(self, pixels):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": pixels, "height": 800, "deviceScaleFactor": 1, "mobile": pixels < 600})

    def is_clean(self, allowed=("/v1/daemons",)):
        """No error of a script, no file refused by the policy, nothing asked of anybody else."""
        bad = [entry["message"] for entry in self.driver.get_log("browser")
               if entry["level"] == "SEVERE" and not any(one in entry["message"] for one in allowed)]
        assert not bad, bad
        asked = self.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        strangers = [name for name in asked if not name.startswith(self.settings["url"])]
        assert not strangers, strangers


def looks(page):
    """What an operator sees first."""
    page.open()
    page.sees("Overview", "Lanes", "Jobs that wait or run", "Late, in milliseconds")
    assert len(page.driver.find_elements(By.CSS_SELECTOR, "main table tbody tr")) >= 4, "four lanes"
    page.until("a line in a chart", lambda: page.driver.find_elements(By.CSS_SELECTOR, "svg.chart polyline"))
    page.until("a lateness", lambda: "p50 ≤" in page.text() or "p50 –" in page.text())
    page.picture("overview")
    light, dark = page.colours("light"), page.colours("dark")
    assert light != dark, light
    page.picture("overview-dark")
    page.colours("light")
    page.width(360)
    for place in ("#/", "#/jobs", "#/dead", "#/schedules", "#/submit"):
        page.go(place)
        page.find("main h2")
        fits = page.run("return document.documentElement.scrollWidth <= innerWidth")
        assert fits, f"{place} is wider than a phone"
    page.go("#/")
    page.sees("Lanes")
    page.picture("phone")
    page.width(1200)
    unnamed = page.run("""return [...document.querySelectorAll('input,select,textarea')]
        .filter((one) => !one.labels?.length && !one.ariaLabel).map((one) => one.outerHTML)""")
    assert not unnamed, f"without a label: {unnamed}"
    page.is_clean()


def acts(page):
    """A night's work: find a job, read its story, deal with dead letters, run a schedule, submit a task."""
    settings = page.settings
    page.open("#/jobs")
    page.sees(settings["nasty"])
    assert page.run("return window.hacked") is None, "a job's name ran as a script"
    field = page.find("#search-id")
    field.send_keys(settings["nasty"])
    field.send_keys(Keys.ENTER)
    page.sees("Story", "Params", settings["nasty_name"])
    assert page.run("return window.hacked") is None, "a job's params ran as a script"
    page.picture("job")
    page.click_button("Cancel")
    page.click_button("Yes", "dialog[open]")
    page.sees("done")

    page.go("#/dead")
    page.sees("dead-1", "dead-2", "dead-3")
    page.picture("dead-letters")
    page.click("input[aria-label='Select dead-1']")
    page.sees("1 selected")
    page.click_button("Purge")
    page.click_button("Yes", "dialog[open]")
    page.until("dead-1 gone", lambda: "dead-1" not in page.text())
    page.click("#all")
    page.sees("2 selected")
    page.click_button("Revive")
    page.click_button("No", "dialog[open]")
    page.sees("dead-2", "dead-3")
    page.click_button("Revive")
    page.click_button("Yes", "dialog[open]")
    page.sees("Done: 2 of 2.")

    page.go("#/schedules")
    page.sees("yearly", "Next")
    page.picture("schedules")
    page.click_button("Run now")
    page.click_button("Yes", "dialog[open]")
    page.sees("yearly@now")
    page.click_button("Pause")
    page.sees("paused")
    page.click_button("Resume")
    page.until("resumed", lambda: "paused" not in page.text())

    page.go("#/submit")
    page.find("#f-name").send_keys(settings["target"])
    page.find("#f-id").send_keys("by hand")
    page.click_button("Submit and wait")
    page.sees('"state": "done"', "by hand")
    page.picture("submit")
    page.is_clean()


def token(page):
    """The page is there without the token, and shows nothing until it has it."""
    page.open()
    page.until("the question", lambda: page.find("#token-asked").is_displayed())
    assert "Lanes" not in page.text(), "something was shown without the token"
    page.find("#token").send_keys("wrong", Keys.ENTER)
    page.sees("That token was refused.")
    page.until("the question again", lambda: page.find("#token-asked").is_displayed())
    page.find("#token").send_keys(page.settings["token"], Keys.ENTER)
    page.sees("Lanes")
    page.is_clean(allowed=("401", "/v1/daemons"))


def chinese(page):
    """The browser's language, then the reader's own choice."""
    page.open()
    page.sees("概览", "通道", "死信")
    assert page.run("return document.documentElement.lang") == "zh-CN"
    page.picture("overview-zh")
    page.run("document.getElementById('language').focus()")
    page.find("#language").send_keys("English")
    page.sees("Overview", "Lanes")
    # By keyboard alone: the first stop leads past the navigation, the next ones through it.
    page.driver.refresh()
    page.sees("Lanes")
    page.find("body").send_keys(Keys.TAB)
    assert page.run("return document.activeElement.className") == "skip"
    page.driver.switch_to.active_element.send_keys(Keys.TAB)
    page.driver.switch_to.active_element.send_keys(Keys.TAB)
    page.driver.switch_to.active_element.send_keys(Keys.TAB, Keys.ENTER)
    page.until("the jobs by keyboard", lambda: page.run("return location.hash") == "#/jobs")
    page.is_clean()


def main():
    settings = json.loads(sys.argv[1])
    page = Page(settings)
    try:
        {"looks": looks, "acts": acts, "token": token, "chinese": chinese}[settings["scenario"]](page)
    finally:
        page.driver.quit()


main()
