// How this pack's nodes look: sockets have colours, nodes with files are wide enough for their names, and on the classic
// canvas the advanced inputs are folded, as the newer canvas does by itself.

import { app } from "../../scripts/app.js";
import { translator } from "./words.js";

const COLOURS = {
    MOTION_MODEL: "#c0ca33",
    KINEMA_CURVE: "#26c6da",
    "FLOAT,KINEMA_CURVE": "#26c6da",
    KINEMA_CAMERA: "#b08968",
    MOTION_CLIPS: "#d05ce3",
};
const FILE = 350; // so that the name of a file can be read
const PLOT = 500; // so that the text of a plot can be read
const WIDTHS = {
    KinemaAnimateDiff: FILE,
    KinemaLoadCameraCtrl: FILE,
    KinemaLoadClips: FILE,
    KinemaLoadMotionLora: FILE,
    KinemaLoadMotionModel: FILE,
    KinemaLoadSparseCtrl: FILE,
    KinemaMetricsPlot: PLOT,
    KinemaPlotCameraPath: PLOT,
    KinemaPlotCurve: PLOT,
    KinemaWindowPlan: PLOT,
}; // pixels, of new nodes
const SHOWN_ALWAYS = "Comfy.Node.AlwaysShowAdvancedWidgets"; // a setting of ComfyUI

/** Gives `types` their colour, also after a change of the palette, which writes "" for types that it does not know. */
function colour(types) {
    for (const [type, own] of Object.entries(COLOURS)) {
        let ofPalette = "";
        const set = value => {
            ofPalette = value;
        };
        Object.defineProperty(types, type, { get: () => ofPalette || own, set, enumerable: true, configurable: true });
    }
}

function colourSockets() {
    colour(app.canvas.default_connection_color_byType);
    colour(LGraphCanvas.link_type_colors);
    const rules = Object.entries(COLOURS).filter(([type]) => !type.includes(","));
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`:root { ${rules.map(([type, own]) => `--color-datatype-${type}: ${own};`).join(" ")} }`);
    document.adoptedStyleSheets.push(sheet);
}

function advancedOf(node) {
    return (node.widgets ?? []).filter(widget => widget.options?.advanced);
}

function defaultOf(node, name) {
    const { required, optional } = node.constructor.nodeData.input;
    const [type, options] = required?.[name] ?? optional?.[name] ?? [];
    return options?.default ?? options?.options?.[0] ?? (Array.isArray(type) ? type[0] : undefined);
}

/** Whether an advanced input of `node` was set or connected, so that folding would hide what acts. */
function isAdvancedUsed(node) {
    const connected = new Set(node.inputs?.filter(input => input.link != null).map(input => input.widget?.name));
    return advancedOf(node).some(({ name, value }) => connected.has(name) || value !== defaultOf(node, name));
}

function heightOf(node) {
    return node.computeSize()[1];
}

/** Shows or hides the advanced inputs of `node`. `hidden` does it: some canvases leave room for what is only `advanced`. */
function fold(node, isFolded) {
    node.showAdvanced = !isFolded;
    for (const widget of advancedOf(node)) widget.hidden = isFolded;
}

/** Shows or hides the advanced inputs; the height of `node` changes by theirs. */
function refold(node, isFolded) {
    const room = Math.max(0, node.size[1] - heightOf(node));
    fold(node, isFolded);
    node.setSize([node.size[0], heightOf(node) + room]);
    node.setDirtyCanvas(true, true);
}

/** Takes the room of the advanced inputs from a new `node` of the newer canvas, which folds them but leaves their room. */
function shrink(node) {
    fold(node, true);
    node.setSize([node.size[0], heightOf(node)]);
    for (const widget of advancedOf(node)) widget.hidden = false;
}

/** Adds the button that folds and unfolds. Its label is English until the translations are there. */
function foldable(node) {
    let say = text => text;
    const button = node.addWidget("button", "advanced_inputs", null, () => {
        refold(node, node.showAdvanced);
        button.relabel();
    });
    button.serialize = button.options.serialize = false;
    button.relabel = () => {
        button.label = say(node.showAdvanced ? "Hide advanced inputs" : "Show advanced inputs");
        node.setDirtyCanvas(true, true);
    };
    button.relabel();
    translator().then(translated => {
        say = translated;
        button.relabel();
    });
    return button;
}

/** Folds `node` as far as its values and connections allow, once it got them from a file, from the clipboard or from a graph
 * that becomes a subgraph. */
function refoldConfigured(node) {
    const isFolded = !app.extensionManager.setting.get(SHOWN_ALWAYS) && !isAdvancedUsed(node);
    fold(node, false);
    if (isFolded && node.size[1] >= heightOf(node)) refold(node, true);
    else fold(node, isFolded);
}

app.registerExtension({
    name: "kinema.canvasLook",
    setup: colourSockets,
    nodeCreated(node) {
        const wide = WIDTHS[node.comfyClass];
        if (wide) node.setSize([Math.max(node.size[0], wide), node.size[1]]);
        if (!node.comfyClass?.startsWith("Kinema") || !advancedOf(node).length) return;
        if (LiteGraph.vueNodesMode) {
            shrink(node);
            return;
        }
        fold(node, !app.extensionManager.setting.get(SHOWN_ALWAYS));
        const button = foldable(node);
        node.setSize([node.size[0], heightOf(node)]);
        const configured = node.onConfigure;
        node.onConfigure = function (...given) {
            const result = configured?.apply(this, given);
            refoldConfigured(node);
            button.relabel();
            return result;
        };
    },
});
