// The API tab: how a program asks for what is on the paper for a digit or for a number, ready to copy.

import { pointsOf } from "./drawing.js";
import { EXAMPLE, snippets } from "./snippets.js";

export class ApiView {
  #part = (name) => this.panel.querySelector(name);
  #papers;

  // papers: of each choice, [pad, the endpoint's address, the field of its answer that has what was read].
  constructor(panel, papers) {
    this.panel = panel;
    this.#papers = papers;
    this.#part("#asked").addEventListener("change", () => this.show());
  }

  // name: what to choose first.
  choose(name) {
    this.#part(`[value=${name}]`).checked = true;
  }

  show() {
    const [{ strokes }, address, field] = this.#papers[this.#part(":checked").value];
    const drawn = strokes.length > 0;
    const made = snippets(drawn ? pointsOf(strokes) : EXAMPLE, new URL(address, location).href, field);
    const example = "Here is how, with a 7 for an example: write on the paper, and that stands here.";
    this.#part("#api-note").textContent = drawn ? "Here is how, with your drawing." : example;
    this.#part("#snippets").replaceChildren(...made.map((snippet) => this.#sheet(snippet)));
  }

  #sheet({ name, code }) {
    const sheet = this.#part("#snippet").content.firstElementChild.cloneNode(true);
    const block = sheet.querySelector("pre");
    const button = sheet.querySelector("button");
    sheet.querySelector("h2").textContent = name;
    sheet.querySelector("code").textContent = code;
    block.ariaLabel = `${name} code`;
    button.ariaLabel = `Copy the ${name} code`;
    button.addEventListener("click", async () => {
      const copied = await copy(code, block);
      button.textContent = copied ? "Copied" : "Press Ctrl+C";
      this.#part("#copy-note").textContent = `The ${name} code is ${copied ? "copied" : "selected: press Ctrl+C"}.`;
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
