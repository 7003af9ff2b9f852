// The buttons and keys of one paper: undo, redo and clear.

import { Component } from "./component.js";

const OWN_KEYS = "textarea, select, dialog, input:is([type=text], [type=search], [type=number], :not([type]))";

export class PadToolbar extends Component {
  #pad;
  #root;
  #buttons;

  constructor(pad, root) {
    super();
    this.#pad = pad;
    this.#root = root;
    this.#buttons = [...root.querySelectorAll(".tools [data-do]")];
  }

  listen(signal) {
    for (const button of this.#buttons) {
      button.addEventListener("click", () => this.#pad[button.dataset.do](), { signal });
    }
    document.addEventListener("keydown", (event) => this.#press(event), { signal });
    this.#pad.addEventListener("change", () => this.#show(), { signal });
    this.#show();
  }

  #press(event) {
    if (this.#root.clientWidth === 0 || event.target.closest(OWN_KEYS)) return; // another tab's paper, or typing
    const step = stepOf(event);
    if (!step) return;
    event.preventDefault();
    this.#pad[step]();
  }

  #show() {
    const drawn = this.#pad.strokes.length > 0;
    const can = { undo: this.#pad.canUndo, redo: this.#pad.canRedo, clear: drawn };
    for (const button of this.#buttons) button.ariaDisabled = !can[button.dataset.do];
    this.#root.querySelector(".hint").toggleAttribute("data-gone", drawn);
  }
}

function stepOf({ key, ctrlKey, metaKey, shiftKey }) {
  if (!ctrlKey && !metaKey) return key === "Delete" && "clear";
  return { y: "redo", z: shiftKey ? "redo" : "undo" }[key.toLowerCase()];
}
