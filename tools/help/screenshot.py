"""The picture of a graph in the README: a template in a real browser after it ran."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from pathlib import Path

from PIL import Image

from .. import environment, server
from .opened import IMAGES, WORKFLOW, exif, template

FILE = IMAGES / "graph.webp"
WIDTH, HEIGHT = 1360, 920  # of the page, pixels
SETTINGS = {"Comfy.TutorialCompleted": True, "Comfy.Minimap.Visible": False, "Comfy.Graph.CanvasInfo": False}
TOLD = "localStorage.setItem('Kinema.ToldThatPreviewsAreOff', 'yes')"  # else that message is in the picture
MINUTES = 20  # that the run may take
DONE = "app.graph.nodes.some(node => node.type == 'SaveVideo' && node.widgets.length > 3)"  # its preview is a widget


def make() -> None:
    """Writes FILE. Needs a Chromium, and Playwright from tools/requirements.txt."""
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))))
    host = environment.find().hosts[0]
    with (
        tempfile.TemporaryDirectory() as folder,
        server.running(host, Path(folder), threads=1) as comfy,
        sync_playwright() as playwright,
    ):
        page = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]).new_page(
            viewport={"width": WIDTH, "height": HEIGHT}
        )
        page.request.post(f"{comfy.url}/settings", data=SETTINGS)
        page.add_init_script(TOLD)
        page.goto(comfy.url)
        page.wait_for_function("window.app?.vueAppReady && app.graph?.nodes.length && app.extensionManager.workflow")
        page.evaluate("app.graph.clear()")
        page.evaluate("workflow => app.loadGraphData(workflow)", json.loads(WORKFLOW.read_text(encoding="utf-8")))
        page.evaluate("app.queuePrompt(0)")
        page.wait_for_function(DONE, timeout=MINUTES * 60_000)
        page.wait_for_timeout(3000)  # until the video has been loaded and its node has grown
        shown = Image.open(io.BytesIO(page.screenshot()))
    shown.convert("RGB").save(FILE, quality=88, method=6, exif=exif(template()))
    print(f"{FILE}: {FILE.stat().st_size / 1024:.0f} KiB")
