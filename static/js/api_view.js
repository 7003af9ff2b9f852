// The API tab: how a program asks for what is on the sheet, as a digit or as a number, ready to copy.

import { pointsOf } from "./drawing.js";
import { EXAMPLE, snippets } from "./snippets.js";
import { t } from "./texts.js";

export class ApiView {
  #part = (name) => this.panel.querySelector(name);
  #pad;
  #endpoints;

  // endpoints: of each kind, [address, the field of its answer that has what was read].
  constructor(panel, pad, endpoints) {
    this.panel = panel;
    this.#pad = pad;
    this.#endpoints = endpoints;
    this.#part("#asked").addEventListener("change", () => this.show());
  }

  // kind: what to choose first.
  choose(kind) {
    this.#part(`[value=${kind}]`).checked = true;
  }

  show() {
    const [address, field] = this.#endpoints[this.#part(":checked").value];
    const { strokes } = this.#pad;
    const drawn = strokes.length > 0;
    const made = snippets(drawn ? pointsOf(strokes) : EXAMPLE, new URL(address, location).href, field);
    const example = t("Here is how, with a 7 for an example: write on the sheet, and that stands here.");
    this.#part("#api-note").textContent = drawn ? t("Here is how, with your drawing.") : example;
    this.#part("#snippets").replaceChildren(...made.map((snippet) => this.#sheet(snippet)));
  }

  #sheet({ name, code }) {
    const sheet = this.#part("#snippet").content.firstElementChild.cloneNode(true);
    const block = sheet.querySelector("pre");
    const button = sheet.querySelector("button");
    sheet.querySelector("h2").textContent = name;
    sheet.querySelector("code").textContent = code;
    block.ariaLabel = t("{name} code", { name });
    button.ariaLabel = t("Copy the {name} code", { name });
    button.addEventListener("click", async () => {
      const copied = await copy(code, block);
      button.textContent = t(copied ? "Copied" : "Press Ctrl+C");
      this.#part("#copy-note").textContent = t(copied ? "The {name} code is copied." : "The {name} code is selected: press Ctrl+C.", { name });
    });
    return sheet;
  }
}

// A page without HTTPS has no clipboard: there the old way is tried, and the code stays selected for the keyboard.
async function copy(text, block) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(block);
    return document.execCommand("copy");
  }
}
