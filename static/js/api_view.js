// The API tab: how a program asks for the drawing on the paper, ready to copy.

import { pointsOf } from "./drawing.js";
import { EXAMPLE, snippets } from "./snippets.js";

export class ApiView {
  #part = (name) => this.panel.querySelector(name);
  #address;

  constructor(panel, address) {
    this.panel = panel;
    this.#address = new URL(address, location.origin).href;
  }

  show(strokes) {
    const drawn = strokes.length > 0;
    const made = snippets(drawn ? pointsOf(strokes) : EXAMPLE, this.#address);
    const example = "Here is how, with a 7 for an example: draw a digit, and it stands here.";
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
