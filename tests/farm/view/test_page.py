"""The page of results, opened from the disk in a real browser."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from e2e.browser import NO_BROWSER, find_browser
from PIL import Image
from playwright.async_api import Page, async_playwright

from kinema.farm.view.page import RESULTS, ResultsPage

BROWSER = find_browser()
MANY = 10_000
STATUS: dict[str, Any] = {
    **{"total": MANY + 2, "done": MANY, "failed": 1, "running": 1, "jobs_per_minute": 60.0, "seconds_left": 3661},
    "servers": [{"name": "http://one", "state": "at work"}],
}
NEW = "document.querySelector('#results figure strong')?.textContent === 'new'"


def record(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "key": "k", "server": "http://one", "seconds": 1.5, "at": 1, "tags": ["style=ink"], **more}


def files(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "sha256": "0"} for name in names]


@pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER)
def test_results_come_while_the_page_is_open_and_are_paged(tmp_path: Path) -> None:
    done = [record(f"job{number}", files=files("a.png")) for number in range(MANY)]
    (tmp_path / "done.jsonl").write_text("".join(json.dumps(line) + "\n" for line in done))
    hostile = record("bad", message="<img src=x onerror=boom()>")
    (tmp_path / "failed.jsonl").write_text(json.dumps(hostile) + "\n")
    page = ResultsPage(tmp_path)
    assert page.pages == MANY // RESULTS + 1
    page.show(STATUS)
    asyncio.run(_look(page, tmp_path))


async def _look(results: ResultsPage, folder: Path) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = await browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto((folder / "index.html").as_uri())
        await page.wait_for_selector("figure")
        assert await page.inner_text("#counts") == "10000 of 10002 done, 1 failed, 1 running, 60 a minute, 1:01:01 left"

        (folder / "results" / "new").mkdir(parents=True)
        Image.new("RGB", (8, 8), "#00ff00").save(folder / "results" / "new" / "green.png")
        results.add(iter([record("new", files=files("green.png", "clip.mp4", "notes.txt"))]))
        results.show(STATUS)
        await page.wait_for_function(NEW)
        await page.wait_for_function("document.querySelector('#results img').naturalWidth === 8")

        await _turn(page)
        assert not errors
        await browser.close()


async def _turn(page: Page) -> None:
    await page.click("#older")
    await page.wait_for_function(f"document.querySelectorAll('figure').length === {RESULTS}")
    assert await page.inner_text("#pages option:checked") == "page 40 of 41"
    await page.click("#pages")
    await page.select_option("#pages", "0")
    await page.wait_for_function("document.querySelector('.failed')")
    assert await page.inner_text(".failed .quiet") == "<img src=x onerror=boom()>"
    await page.fill("#filter", "job12")
    assert await page.locator("figure:visible").count() == 11  # job12, and job120 to job129
    await page.fill("#filter", "")
    await page.check("#only-failed")
    assert await page.locator("figure:visible").count() == 1
