// Takes files in: from the pickers, dropped anywhere, or pasted. Fires "files" with a list of File.

import { listen, Component } from "./component.js";

export class FileInput extends Component {
  #inputs;
  #dropOverlay;
  #depth = 0; // dragenter and dragleave come for every element on the way

  constructor(inputs, dropOverlay) {
    super();
    this.#inputs = inputs;
    this.#dropOverlay = dropOverlay;
  }

  listen(signal) {
    listen(window, {
      dragenter: (event) => this.#drag(event, this.#depth + 1),
      dragleave: (event) => this.#drag(event, this.#depth - 1),
      dragover: (event) => this.#drag(event, this.#depth),
      drop: (event) => this.#drag(event, 0) && this.#take(event.dataTransfer.files),
      paste: (event) => this.#take(event.clipboardData.files),
    }, signal);
    for (const input of this.#inputs) input.addEventListener("change", () => this.#pick(input), { signal });
  }

  // Returns whether it is files that are dragged, and not a selected word.
  #drag(event, depth) {
    if (!event.dataTransfer?.types.includes("Files")) return false;
    event.preventDefault();
    this.#depth = Math.max(0, depth);
    this.#dropOverlay.toggleAttribute("data-open", depth > 0);
    return true;
  }

  #pick(input) {
    this.#take(input.files);
    input.value = ""; // so that the same file can be chosen again
  }

  #take(files) {
    if (files.length) this.emit("files", [...files]);
  }
}
