// One message with buttons, beside the bar at the left and below the dialogs of the canvas. Its own toasts have no buttons.

import { app } from "../../scripts/app.js";
import { translator } from "./words.js";

const STYLE = `
#kinema-toast {
    position: fixed; z-index: 1000; bottom: 1rem; left: 4.5rem; width: min(29rem, calc(100vw - 8rem)); box-sizing: border-box;
    padding: 0.75rem 1rem;
    font: 14px/1.45 Inter, system-ui, sans-serif; color: var(--input-text, #ddd);
    background: var(--comfy-menu-bg, #353535); border: 1px solid var(--border-color, #4e4e4e);
    border-left: 4px solid #22c55e; border-radius: 8px; box-shadow: 0 4px 16px #0008;
}
#kinema-toast.bad { border-left-color: #f59e0b; }
#kinema-toast h3 { margin: 0 2rem 0 0; font-size: 15px; font-weight: 600; color: var(--fg-color, #fff); }
#kinema-toast p {
    margin: 0.5rem 0 0; max-height: 30vh; overflow-y: auto; white-space: pre-wrap; overflow-wrap: anywhere;
}
#kinema-toast nav { display: flex; gap: 0.5rem; margin-top: 0.75rem; }
#kinema-toast button {
    padding: 0.3rem 0.8rem; font: inherit; color: var(--input-text, #ddd); cursor: pointer;
    background: var(--comfy-input-bg, #222); border: 1px solid var(--border-color, #4e4e4e); border-radius: 6px;
}
#kinema-toast button:hover { filter: brightness(1.2); }
#kinema-toast button.close {
    position: absolute; top: 0.5rem; right: 0.5rem; padding: 0.1rem 0.5rem; background: none; border: none;
}`;

function element(name, content, ...children) {
    const made = Object.assign(document.createElement(name), { textContent: content });
    made.append(...children);
    return made;
}

function button(label, action) {
    const made = element("button", label);
    made.addEventListener("click", () => {
        hideToast();
        action();
    });
    return made;
}

/**
 * Shows `title`, `text` and `buttons`, each [label, action], until one is clicked or another message comes. The title and the
 * labels are translated.
 */
export async function showToast({ title, text, buttons, isBad }) {
    const say = await translator();
    hideToast();
    const close = button("✕", () => {});
    close.className = "close";
    close.ariaLabel = say("Close");
    const toast = element("section", "", element("style", STYLE), element("h3", say(title)), close);
    toast.id = "kinema-toast";
    toast.role = "status";
    toast.classList.toggle("bad", isBad);
    if (text) toast.append(element("p", text));
    const shown = buttons.map(([label, action]) => button(say(label), action));
    if (shown.length) toast.append(element("nav", "", ...shown));
    app.canvas.canvas.parentElement.append(toast);
}

export function hideToast() {
    document.getElementById("kinema-toast")?.remove();
}
