// While one types into a curve or into Prompt Travel, the node says what is wrong with the text, and Curve shows its plot,
// whose points can be dragged. The server reads the text, so that there is one reader.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const ROUTE = "/kinema/timeline";
const TEXTS = {
    KinemaCurve: "values",
    KinemaCurveOverSteps: "values",
    KinemaCurveOverBlocks: "single",
    KinemaPromptTravel: "prompts",
};
const HEIGHT = { KinemaCurve: 140 }; // of the plot; the others have room for a message only
const BESIDE = 54; // of other texts of the node, so that the one with the frames has the most room
const ROOM = 14; // below a plot: the classic canvas takes its margins from the height of a widget
const PAUSE = 250; // milliseconds without a key pressed until the server is asked
const MARGIN = { left: 34, right: 10, top: 10, bottom: 18 };
const REACH = 10; // pixels around a point
const RED = "color-mix(in srgb, #ff4d4d 65%, var(--input-text, #ddd))"; // legible on dark nodes and on light ones

/** What the server finds in `text`; nothing while it cannot be reached. */
async function read(node, text, easing) {
    const body = JSON.stringify({ node: node.comfyClass, text, easing });
    const headers = { "Content-Type": "application/json" };
    const reply = await api.fetchApi(ROUTE, { method: "POST", headers, body }).catch(() => null);
    return reply?.ok ? reply.json() : {};
}

/** Where a plot has its frames and values, in pixels of the canvas. */
function axes(plot, width, height) {
    const values = [...plot.values, ...plot.keys.map(key => key.value)];
    const low = Math.min(0, ...values);
    const high = Math.max(1, ...values);
    const wide = width - MARGIN.left - MARGIN.right;
    const tall = height - MARGIN.top - MARGIN.bottom;
    return {
        low,
        high,
        x: frame => MARGIN.left + (wide * frame) / (plot.frames - 1),
        y: value => MARGIN.top + (tall * (high - value)) / (high - low),
        frame: x => Math.round(((x - MARGIN.left) / wide) * (plot.frames - 1)),
        value: y => high - ((y - MARGIN.top) / tall) * (high - low),
    };
}

function colourOf(name, otherwise) {
    return getComputedStyle(document.body).getPropertyValue(name).trim() || otherwise;
}

function draw(canvas, plot) {
    const scale = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const at = axes(plot, width, height);
    pen.font = "11px sans-serif";
    pen.strokeStyle = colourOf("--border-color", "#666");
    pen.fillStyle = colourOf("--descrip-text", "#999");
    pen.strokeRect(MARGIN.left, MARGIN.top, width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom);
    pen.textAlign = "right";
    for (const value of [at.low, at.high]) pen.fillText(Number(value.toPrecision(3)), MARGIN.left - 4, at.y(value) + 4);
    pen.textAlign = "center";
    for (const frame of [0, plot.frames - 1]) pen.fillText(frame, at.x(frame), height - 4);
    pen.strokeStyle = pen.fillStyle = colourOf("--color-datatype-KINEMA_CURVE", "#26c6da");
    pen.lineWidth = 2;
    pen.beginPath();
    plot.values.forEach((value, i) => pen.lineTo(at.x(i * plot.stride), at.y(value)));
    pen.stroke();
    for (const key of plot.keys) {
        pen.beginPath();
        pen.arc(at.x(key.at), at.y(key.value), 4, 0, 2 * Math.PI);
        pen.fill();
    }
}

/** `text` with another number from character `start` to `end`. */
function replaced(text, [start, end], number) {
    return text.slice(0, start) + number + text.slice(end);
}

/** `text` with `key` moved to `frame` and `value`. The value stands behind the frame, so it is replaced first. */
function moved(text, key, frame, value, frames) {
    const result = replaced(text, key.valueText, Number(value.toFixed(3)));
    const isFree = key.frameText && frame >= 0 && frame < frames && frame !== key.at;
    return isFree ? replaced(result, key.frameText, frame) : result;
}

function makeDraggable(canvas, state, setText) {
    const nearest = event => {
        const at = axes(state.plot, canvas.clientWidth, canvas.clientHeight);
        const far = key => Math.hypot(at.x(key.at) - event.offsetX, at.y(key.value) - event.offsetY);
        const key = [...state.plot.keys].sort((one, other) => far(one) - far(other))[0];
        return key && far(key) <= REACH ? key : null;
    };
    canvas.addEventListener("pointerdown", event => {
        const key = state.plot && nearest(event);
        if (!key) return;
        event.stopPropagation();
        canvas.setPointerCapture(event.pointerId);
        state.drag = { key, text: state.text, at: axes(state.plot, canvas.clientWidth, canvas.clientHeight) };
    });
    canvas.addEventListener("pointermove", event => {
        if (!state.drag) {
            canvas.style.cursor = state.plot && nearest(event) ? "grab" : "";
            return;
        }
        const { key, text, at } = state.drag;
        const others = new Set(state.plot.keys.filter(other => other.at !== key.at).map(other => other.at));
        const frame = at.frame(event.offsetX);
        setText(moved(text, key, others.has(frame) ? key.at : frame, at.value(event.offsetY), state.plot.frames));
    });
    for (const end of ["pointerup", "pointercancel"])
        canvas.addEventListener(end, () => {
            state.drag = null;
        });
}

function attach(node) {
    const text = node.widgets.find(widget => widget.name === TEXTS[node.comfyClass]);
    const easing = node.widgets.find(widget => widget.name === "easing");
    if (!text) return;
    for (const other of node.widgets.filter(widget => widget.type === text.type && widget !== text)) {
        Object.assign(other.options, { getMinHeight: () => BESIDE, getMaxHeight: () => BESIDE });
    }
    const box = document.createElement("div");
    const problem = Object.assign(document.createElement("div"), { className: "kinema-problem" });
    problem.style.cssText = `color: ${RED}; font: 12px/1.3 sans-serif; overflow-wrap: anywhere;`;
    box.append(problem);
    const state = { text: null, easing: null, plot: null, drag: null };
    const plot = HEIGHT[node.comfyClass] ? document.createElement("canvas") : null;
    if (plot) {
        plot.style.cssText = `display: block; width: 100%; height: ${HEIGHT[node.comfyClass]}px; touch-action: none;`;
        box.prepend(plot);
        const setText = value => {
            text.value = value;
            update();
        };
        makeDraggable(plot, state, setText);
        new ResizeObserver(() => state.plot && draw(plot, state.plot)).observe(plot);
    }
    const height = () => (plot ? HEIGHT[node.comfyClass] : 0) + (problem.textContent ? 48 : plot ? ROOM : 0);
    const widget = node.addDOMWidget("timeline", "kinema_timeline", box, {
        serialize: false,
        hideOnZoom: false,
        getMinHeight: height,
        getMaxHeight: height,
    });
    widget.serialize = false;

    let asked = 0;
    async function update() {
        state.text = text.value;
        state.easing = easing?.value;
        const number = ++asked;
        const answer = await read(node, state.text, state.easing);
        if (number !== asked) return; // a later text was asked for
        problem.textContent = answer.problem ?? "";
        if (plot) plot.style.opacity = answer.problem ? 0.35 : 1;
        if (answer.values && plot) {
            state.plot = answer;
            draw(plot, answer);
        }
        const [, least] = node.computeSize();
        if (node.size[1] < least) node.setSize([node.size[0], least]);
        node.setDirtyCanvas(true, true);
    }

    let timer;
    const later = () => {
        if (state.drag || (text.value === state.text && easing?.value === state.easing)) return;
        clearTimeout(timer);
        timer = setTimeout(update, PAUSE);
    };
    for (const each of [text, easing].filter(Boolean)) {
        const callback = each.callback;
        each.callback = function (...given) {
            const result = callback?.apply(this, given);
            later();
            return result;
        };
    }
    text.inputEl?.addEventListener("input", later);
    node.kinemaTimeline = update; // for a graph that was loaded
    setTimeout(update);
}

app.registerExtension({
    name: "kinema.timelines",
    nodeCreated(node) {
        if (node.comfyClass in TEXTS) attach(node);
    },
    loadedGraphNode(node) {
        node.kinemaTimeline?.();
    },
});
