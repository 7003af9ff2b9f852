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
    const { strokes, past, future } = this.#pad.drawing;
    const steps = { undo: past, redo: future, clear: strokes };
    for (const button of this.#buttons) button.ariaDisabled = steps[button.dataset.do].length === 0;
    this.#root.querySelector(".hint").toggleAttribute("data-gone", strokes.length > 0);
  }
}

function stepOf({ key, ctrlKey, metaKey, shiftKey }) {
  if (!ctrlKey && !metaKey) return key === "Delete" && "clear";
  return { y: "redo", z: shiftKey ? "redo" : "undo" }[key.toLowerCase()];
}
