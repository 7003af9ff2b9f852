// What the pictures hold: one digit each, or numbers. Fires "change"; the choice is remembered.

import { Part } from "./part.js";

const NAME = "pictures";

export class PictureKind extends Part {
  #root;
  #memory;

  constructor(root, memory) {
    super();
    this.#root = root;
    this.#memory = memory;
    if (memory.recall(NAME) === "numbers") root.querySelector("[value=numbers]").checked = true;
  }

  listen(signal) {
    const choose = () => {
      this.#memory.keep(NAME, this.value);
      this.fire("change");
    };
    this.#root.addEventListener("change", choose, { signal });
  }

  // "digits" or "numbers".
  get value() {
    return this.#root.querySelector(":checked").value;
  }
}
