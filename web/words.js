// The words of this pack's messages in the language of the canvas, from locales/LANGUAGE/main.json.

import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const OWN_LANGUAGE = "en";

/** What translates an English text of this pack; texts without a translation stay as they are. */
export async function translator() {
    const language = app.extensionManager.setting.get("Comfy.Locale") ?? OWN_LANGUAGE;
    if (language === OWN_LANGUAGE) return text => text;
    const all = await api.fetchApi("/i18n").then(reply => reply.json()).catch(() => ({}));
    const words = all[language]?.kinemaMessages ?? {};
    return text => words[text] ?? text;
}
