"""The host's canvas in a real browser without a window: put workflows on it, read what it shows, run it."""

import asyncio
import base64
import json
import mimetypes
import os
import re
import shutil
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from playwright.async_api import Browser, Page, Playwright, async_playwright

T = TypeVar("T")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NO_BROWSER = "needs a browser; install Chromium (on Debian and Ubuntu: the package chromium)"
MILLISECONDS = 120_000  # until something that is waited for counts as missing

DROP = """async ([name, type, content]) => {
    const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
    const dropped = new DataTransfer();
    dropped.items.add(new File([bytes], name, {type}));
    const at = {bubbles: true, cancelable: true, dataTransfer: dropped, clientX: 500, clientY: 400};
    for (const kind of ["dragenter", "dragover", "drop"])
        document.querySelector("#graph-canvas").dispatchEvent(new DragEvent(kind, at));
}"""
WIDGETS = """() => Object.fromEntries(app.graph.nodes.map(node => [
    node.id, Object.fromEntries((node.widgets ?? [])
        .filter(widget => widget.serialize !== false)  // no previews
        .map(widget => [widget.name, widget.value]))]))"""

# The page covers itself while it is busy and uncovers itself when the cover has faded. Covered again meanwhile, which
# happens on slow machines, it forgets the first cover, and no click gets through from then on. So covers do not fade.
NO_FADING = """addEventListener("DOMContentLoaded", () => {
    const style = document.createElement("style");
    style.textContent = ".p-blockui-mask { animation: none !important }";
    document.head.append(style);
})"""

SET_WIDGET = """([id, name, value]) => {
    const node = app.graph.nodes.find(node => node.id == id);
    const widget = node.widgets.find(widget => widget.name == name);
    widget.value = value;
    widget.callback?.(value, app.canvas, node);
}"""


def find_browser() -> str | None:
    """The program of a Chromium that this machine has, None without one."""
    return next((program for name in NAMES if (program := shutil.which(name))), None)


class Canvas:
    """The page of one server, a context manager. `errors` fills with what the page's scripts raise."""

    def __init__(self, url: str, browser: str, language: str = "en") -> None:
        self.url = url
        self.language = language
        self.errors: list[str] = []
        self._program = browser
        self._loop = asyncio.new_event_loop()  # of its own, and running in calls only: a Client has one, too
        self._playwright: Playwright
        self._browser: Browser
        self.page: Page

    def __enter__(self) -> "Canvas":
        self.do(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The server keeps the language for all pages, and open ones take it when they are loaded again.
        self.do(self.page.request.post(f"{self.url}/settings", data={"Comfy.Locale": "en"}))
        self.do(self._browser.close())
        self.do(self._playwright.stop())
        self._loop.close()

    def do(self, action: Coroutine[Any, Any, T]) -> T:
        """Anything else of Playwright: `canvas.do(canvas.page.click("text=Queue"))`."""
        return self._loop.run_until_complete(action)

    async def _open(self) -> None:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(executable_path=self._program, args=["--no-sandbox"])
        self.page = await self._browser.new_page(viewport={"width": 1600, "height": 900})
        self.page.set_default_timeout(MILLISECONDS)
        await self.page.add_init_script(NO_FADING)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        settings = {
            "Comfy.TutorialCompleted": True,  # else the page greets a newcomer with a dialog of templates
            "Comfy.Workflow.ShowMissingModelsWarning": False,  # a dialog; templates name models nobody has here
            "Comfy.Locale": self.language,
            "Comfy.VueNodes.Enabled": os.environ.get("KINEMA_NODES") == "2",  # its Nodes 2.0
        }
        await self.page.request.post(f"{self.url}/settings", data=settings)
        await self.page.goto(self.url)
        await self._ready()

    async def _ready(self) -> None:
        await self._until("window.app?.vueAppReady && app.graph?.nodes.length && app.extensionManager.workflow")

    async def _until(self, expression: str) -> None:
        await self.page.wait_for_function(expression)

    def wait_until(self, expression: str) -> None:
        """Until `expression` is true in the page."""
        self.do(self._until(expression))

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """What `script` gives in the page, where `app` is the host's."""
        return self.do(self.page.evaluate(script, argument))

    def reload(self) -> None:
        """Loads the page anew, as after closing the browser."""
        self.do(self.page.reload())
        self.do(self._ready())

    def clear(self) -> None:
        self.evaluate("app.graph.clear()")

    def load(self, workflow: dict[str, Any]) -> None:
        """Opens a saved workflow, as its file's content."""
        self.evaluate("workflow => app.loadGraphData(workflow)", workflow)

    def drop(self, file: Path) -> None:
        """Drops `file` on the empty canvas and waits for its workflow."""
        self.clear()
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self.evaluate(DROP, [file.name, kind, base64.b64encode(file.read_bytes()).decode()])
        self.do(self._until("app.graph.nodes.length > 0"))

    def close_dialogs(self) -> None:
        """Closes what lies over the canvas, e.g. an error of the last run."""
        self.do(self._close_dialogs())

    async def _close_dialogs(self) -> None:
        while await self.page.locator(".p-dialog-mask").count():
            await self.page.keyboard.press("Escape")
            await self.page.wait_for_timeout(300)

    def add_from_library(self, name: str, words: str = "") -> None:
        """Adds the node or blueprint `name` as a person does: finds it in the list of nodes, by its name or by other
        `words`, and puts it on the canvas."""
        self.do(self._add_from_library(name, words or name))

    async def _add_from_library(self, name: str, words: str) -> None:
        count = await self.page.evaluate("app.graph.nodes.length")
        search = self.page.get_by_placeholder(re.compile(r"^Search( Nodes)?\.\.\.$"))
        if not await search.is_visible():
            await self.page.locator(".side-bar-button").filter(has_text="Nodes").click()
        await search.fill(words)
        await self.page.get_by_text(name, exact=True).first.click()
        await self.page.mouse.click(800, 450)  # where newer canvases put the node that was chosen
        await self._until(f"app.graph.nodes.length > {count}")

    def graph(self) -> dict[str, Any]:
        """The workflow on the canvas, as it would be saved."""
        workflow: dict[str, Any] = json.loads(self.evaluate("JSON.stringify(app.graph.serialize())"))
        return workflow

    def widgets(self) -> dict[str, dict[str, Any]]:
        """{node id: {widget: value}} of what the canvas shows."""
        shown: dict[str, dict[str, Any]] = self.evaluate(WIDGETS)
        return shown

    def set_widget(self, node_id: str, name: str, value: Any) -> None:
        """Sets a widget as a person does."""
        self.evaluate(SET_WIDGET, [node_id, name, value])

    def prompt(self) -> dict[str, Any]:
        """What the canvas would queue."""
        output: dict[str, Any] = self.evaluate("app.graphToPrompt().then(prompt => prompt.output)")
        return output

    def queue(self) -> str:
        """Queues the canvas; returns the prompt's id. Raises RuntimeError with what the server refused."""
        return self.do(self._queue())

    async def _queue(self) -> str:
        def is_prompt(reply: Any) -> bool:
            return bool(reply.request.method == "POST" and reply.url.endswith("/prompt"))

        async with self.page.expect_response(is_prompt) as reply:
            await self.page.evaluate("app.queuePrompt(0)")
        answer = await (await reply.value).json()
        if "prompt_id" not in answer:
            raise RuntimeError(f"the server refused the canvas: {answer}")
        return str(answer["prompt_id"])

    def wait(self, prompt_id: str) -> dict[str, Any]:
        """The outputs of a queued prompt once it is done, {node id: {"images": [...]}}. Raises RuntimeError if it failed."""
        entry = self.do(asyncio.wait_for(self._done(prompt_id), MILLISECONDS / 1000))
        if entry["status"]["status_str"] != "success":
            raise RuntimeError(f"the prompt ended with {entry['status']}")
        outputs: dict[str, Any] = entry["outputs"]
        return outputs

    async def _done(self, prompt_id: str) -> Any:
        while True:
            history = await (await self.page.request.get(f"{self.url}/history/{prompt_id}")).json()
            if prompt_id in history:
                return history[prompt_id]
            await asyncio.sleep(0.2)

    def screenshot(self, path: Path) -> None:
        self.evaluate("app.canvas.setDirty(true, true)")
        self.do(self.page.screenshot(path=path))
