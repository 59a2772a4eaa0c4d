// Workflows of AnimateDiff-Evolved open with Kinema's nodes. The server converts them; this file asks it and tells.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { hideToast, showToast } from "./toast.js";

const SETTING = "Kinema.ConvertWorkflows";
const ROUTE = "/kinema/convert";
const MARK = "kinema_conversion"; // in `extra` of what was converted, or was put back by Undo
const SECONDS = 60; // until the server counts as hanging
const toldOf = new Set(); // what stays as it is, so that going back to its tab tells nothing again

/** Asks the server. Raises Error with a sentence for people. */
async function ask(workflow, options) {
    const reply = await api.fetchApi(ROUTE, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ workflow, ...options }),
        signal: AbortSignal.timeout(SECONDS * 1000),
    });
    const answer = await reply.json().catch(() => ({
        error: `The server answered with the status ${reply.status}. ComfyUI's log may show the cause.`,
    }));
    if (answer.error) throw new Error(answer.error);
    return answer;
}

/** The parts of a workflow that have nodes: itself, its subgraphs and its group nodes. */
function partsOf(graph) {
    const groups = graph.extra?.groupNodes ?? {};
    const parts = [graph, ...(graph.definitions?.subgraphs ?? []), ...Object.values(groups)];
    return parts.filter(part => Array.isArray(part?.nodes));
}

function typesOf(graph) {
    return partsOf(graph).flatMap(part => part.nodes).map(node => node?.type);
}

function lacking(types) {
    return types.filter(type => !(type in LiteGraph.registered_node_types));
}

/** What is the same for a workflow each time that its tab is shown. */
function signature(graph) {
    return JSON.stringify(partsOf(graph).map(part => part.nodes.map(node => [node?.id, node?.type])));
}

function replaceContent(graph, other) {
    for (const key of Object.keys(graph)) delete graph[key];
    Object.assign(graph, other);
}

/** Puts a workflow into the tab that is open. */
function show(workflow) {
    return app.loadGraphData(workflow, true, true, app.extensionManager.workflow.activeWorkflow);
}

/** `original` as it was, with a mark, so that it stays so when its tab or its file is opened again. */
async function undo(original) {
    await show({ ...original, extra: { ...original.extra, [MARK]: { undone: true } } });
}

function tell(answer, original) {
    const buttons = [];
    if (answer.workflow) buttons.push(["Undo", () => undo(original)]);
    if (answer.canAccept) buttons.push(["Convert with losses", () => convertShown(original, true)]);
    return showToast({ title: answer.title, text: answer.text, buttons, isBad: !answer.workflow });
}

function tellError(error) {
    const title = "This AnimateDiff-Evolved workflow was not converted to Kinema.";
    return showToast({ title, text: error.message, buttons: [], isBad: true });
}

/** Converts what the open tab shows. Where that fails, the canvas stays as it is. */
async function convertShown(workflow, accept) {
    try {
        const answer = await ask(workflow, { accept });
        if (answer.workflow) {
            toldOf.add(signature(answer.workflow));
            await show(answer.workflow);
        }
        await tell(answer, workflow);
    } catch (error) {
        await tellError(error);
    }
}

/** While a file opens: changes `graph` in place, before the canvas looks for missing nodes. */
async function convertOpening(graph, missing) {
    const answer = await ask(graph, { automatic: true });
    const original = JSON.parse(JSON.stringify(graph));
    if (answer.workflow) {
        replaceContent(graph, answer.workflow);
        const left = typesOf(graph);  // of group nodes that are gone, the canvas has found the nodes missing already
        missing.splice(0, missing.length, ...missing.filter(entry => left.includes(entry?.type ?? entry)));
    }
    toldOf.add(signature(graph));
    if (answer.title) await tell(answer, original);
}

function chooseFile() {
    return new Promise(resolve => {
        const input = Object.assign(document.createElement("input"), { type: "file", accept: ".json" });
        input.addEventListener("change", () => resolve(input.files[0]));
        input.click();
    });
}

/** Opens a prompt, as scripts post it, converted. What the canvas cannot show as a whole is not opened. */
async function openPrompt(file, accept) {
    try {
        const answer = await ask(JSON.parse(await file.text()), { accept });
        const missing = new Set(lacking(Object.values(answer.workflow ?? {}).map(node => node.class_type)));
        const isOpened = answer.workflow && !missing.size;
        if (isOpened) app.loadApiJson(answer.workflow, file.name.replace(/\.json$/, ""));
        const left = [...missing].join(", ");
        const why = left && `The prompt was not opened, because it contains nodes that are not installed: ${left}`;
        const buttons = answer.canAccept ? [["Convert with losses", () => openPrompt(file, true)]] : [];
        await showToast({ title: answer.title, text: `${answer.text}\n${why}`.trim(), buttons, isBad: !isOpened });
    } catch (error) {
        await tellError(error);
    }
}

app.registerExtension({
    name: "kinema.Convert",
    settings: [{
        id: SETTING,
        category: ["Kinema", "AnimateDiff-Evolved", "Convert"],
        name: "Convert workflows of AnimateDiff-Evolved when they open",
        tooltip: "Takes effect only if AnimateDiff-Evolved is not installed. "
            + "Off: you can still convert a workflow from the Edit menu.",
        type: "boolean",
        defaultValue: true,
    }],
    commands: [{
        id: "Kinema.ConvertWorkflow",
        label: "Convert AnimateDiff-Evolved to Kinema",
        icon: "pi pi-sync",
        function: () => convertShown((app.rootGraph ?? app.graph).serialize(), false),
    }, {
        id: "Kinema.OpenPrompt",
        label: "Open an API Prompt of AnimateDiff-Evolved",
        icon: "pi pi-folder-open",
        function: async () => openPrompt(await chooseFile(), false),
    }],
    menuCommands: [
        { path: ["Edit"], commands: ["Kinema.ConvertWorkflow"] },
        { path: ["File"], commands: ["Kinema.OpenPrompt"] },
    ],
    async beforeConfigureGraph(graph, missing) {
        hideToast();
        if (!app.extensionManager.setting.get(SETTING) || graph.extra?.[MARK]?.undone) return;
        if (!lacking(typesOf(graph)).length || toldOf.has(signature(graph))) return;
        try {
            await convertOpening(graph, missing);
        } catch (error) {
            await tellError(error);
        }
    },
});
