// What Kinema says on nodes, and the plots on them, stay until the node runs again: also where the result comes from the
// cache, on other tabs, and when the page is loaded anew. The page of the host forgets them, newer ones when the run ends.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const KEY = "Kinema.said."; // and the id of the workflow, in the storage of the browser's tab
const PREVIEW = "$$node-text-preview"; // the host's widget for a text on a node
const ENDS = ["execution_success", "execution_error", "execution_interrupted"];
const PLOTS = ["KinemaPlotCurve", "KinemaWindowPlan", "KinemaMetricsPlot", "KinemaPlotCameraPath"];

function rootGraph() {
    return app.rootGraph ?? app.graph;
}

/** The node with an id as the server writes it, "5:3" within a subgraph. */
function nodeOf(id) {
    return String(id).split(":").reduce(
        (found, part) => (found?.subgraph ?? found)?.getNodeById?.(Number(part)), rootGraph());
}

function remembered() {
    return JSON.parse(sessionStorage.getItem(KEY + rootGraph().id) ?? "{}");
}

/** Changes what is remembered of a node. */
function remember(id, change) {
    const all = remembered();
    const type = nodeOf(id)?.type;
    if (type === undefined) return;
    all[id] = change(all[id]?.type === type ? all[id] : { type });
    if (!all[id]) delete all[id];
    try {
        sessionStorage.setItem(KEY + rootGraph().id, JSON.stringify(all));
    } catch {
        sessionStorage.clear(); // full: what was said is not worth more
    }
}

function clearText(id) {
    const node = nodeOf(id);
    const place = node?.widgets?.findIndex(widget => widget.name === PREVIEW) ?? -1;
    if (place < 0) return;
    node.widgets[place].onRemove?.();
    node.widgets.splice(place, 1);
    node.setDirtyCanvas?.(true);
}

function rememberedHere() {
    return Object.entries(remembered()).filter(([id, { type }]) => nodeOf(id)?.type === type);
}

/** Shows again what nodes of the open workflow said, by the event with which the host shows it. */
function restoreTexts() {
    for (const [id, { text }] of rememberedHere())
        if (text) api.dispatchCustomEvent("progress_text", { nodeId: id, text });
}

async function restore() {
    restoreTexts();
    for (const [id, { output }] of rememberedHere()) {
        if (!output) continue;
        const picture = await api.fetchApi(`/view?${new URLSearchParams(output.images[0])}`);
        if (picture.ok) api.dispatchCustomEvent("executed", { node: id, display_node: id, output, prompt_id: "" });
    }
}

app.registerExtension({
    name: "kinema.Said",
    setup() {
        api.addEventListener("kinema.said", ({ detail: { node, text } }) => remember(node, known => ({ ...known, text })));
        api.addEventListener("executing", ({ detail: id }) => {
            if (id === null || !remembered()[id]) return;
            remember(id, () => undefined);
            clearText(id);
        });
        api.addEventListener("executed", ({ detail: { node, output } }) => {
            const isPlot = PLOTS.includes(nodeOf(node)?.type);
            if (isPlot && output?.images?.length) remember(node, known => ({ ...known, output }));
        });
        for (const end of ENDS) api.addEventListener(end, () => setTimeout(restoreTexts)); // after the page's own listener
    },
    afterConfigureGraph: restore,
});
