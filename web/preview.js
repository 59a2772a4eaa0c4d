// The sampling preview plays. The server sends all frames of the animation with each preview of the host; until the next
// one comes, the canvas gets them in turn, in the way in which it gets the host's.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { showToast } from "./toast.js";

const PREVIEW = "b_preview_with_metadata";
const ENDS = ["executing", "execution_success", "execution_error", "execution_interrupted"];
const METHOD = "Comfy.Execution.PreviewMethod";
const TITLE = "Live previews are off. Turn them on to watch the animation on the sampler while it is being made.";
const TOLD = "Kinema.ToldThatPreviewsAreOff"; // in this browser's storage

const own = new WeakSet(); // details of the events that come from here
let coming = null; // frames that belong to the host's next preview
let timer;

function pictureOf(text) {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    return new Blob([bytes], { type: "image/jpeg" });
}

/** Shows the frames in turn on the node of the host's preview `shown`, after the one that it shows. */
function play({ frames, first, fps }, shown) {
    const pictures = frames.map(pictureOf);
    let at = first;
    timer = setInterval(() => {
        at = (at + 1) % pictures.length;
        const detail = { ...shown, blob: pictures[at] };
        own.add(detail);
        api.dispatchEvent(new CustomEvent(PREVIEW, { detail }));
    }, 1000 / fps);
}

function stop() {
    clearInterval(timer);
}

api.addEventListener("kinema.preview", ({ detail }) => {
    coming = detail;
});

api.addEventListener(PREVIEW, ({ detail }) => {
    if (own.has(detail)) return;
    stop();
    if (coming) play(coming, detail);
    coming = null;
});

for (const end of ENDS) api.addEventListener(end, stop);

api.addEventListener("kinema.previews_off", () => {
    if (localStorage.getItem(TOLD)) return;
    localStorage.setItem(TOLD, "yes");
    const turnOn = () => app.extensionManager.setting.set(METHOD, "auto");
    showToast({ title: TITLE, text: "", buttons: [["Turn on previews", turnOn]], isBad: false });
});
