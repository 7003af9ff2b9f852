// What the pictures hold: one digit each, or numbers. Fires "change"; the choice is remembered.

import { Component } from "./component.js";

const NAME = "pictures";

export class TaskSelect extends Component {
  #root;
  #memory;

  constructor(root, memory) {
    super();
    this.#root = root;
    this.#memory = memory;
    if (memory.get(NAME) === "numbers") root.querySelector("[value=numbers]").checked = true;
  }

  listen(signal) {
    const choose = () => {
      this.#memory.set(NAME, this.value);
      this.emit("change");
    };
    this.#root.addEventListener("change", choose, { signal });
  }

  // "digits" or "numbers".
  get value() {
    return this.#root.querySelector(":checked").value;
  }
}
