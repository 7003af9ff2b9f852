// What the person knows of the number: its length, a pattern or the numbers that it may be. Fires "change" with it valid.

import { Component } from "./component.js";
import { CONSTRAINTS } from "./messages.js";

const FIELDS = {
  length: { inputMode: "numeric", pattern: "[1-9]|[1-5]\\d|6[0-4]" },
  pattern: { inputMode: "text", pattern: "[d\\d \\-.,\\/:\\(\\)+]{1,64}" },
  choices: { inputMode: "text", pattern: "[\\d \\-.,\\/:\\(\\)+]*\\d[\\d \\-.,\\/:\\(\\)+]*" },
};

export class ConstraintFields extends Component {
  #kind;
  #input;
  #timer = 0;
  value = null; // { length: "5" } say

  constructor(root) {
    super();
    this.#kind = root.querySelector("select");
    this.#input = root.querySelector("input");
  }

  listen(signal) {
    this.#kind.addEventListener("change", () => this.#choose(), { signal });
    this.#input.addEventListener("input", () => this.#take(), { signal });
    this.#choose();
  }

  #choose() {
    const name = this.#kind.value;
    this.#input.hidden = !name;
    if (name) Object.assign(this.#input, { ...FIELDS[name], ...CONSTRAINTS[name], value: "" });
    this.#take();
  }

  #take() {
    const text = this.#input.value.trim();
    const before = JSON.stringify(this.value);
    const isGiven = this.#kind.value && text && this.#input.validity.valid;
    this.value = isGiven ? { [this.#kind.value]: text } : null;
    clearTimeout(this.#timer);
    if (JSON.stringify(this.value) !== before) this.#timer = setTimeout(() => this.emit("change"), 300);
  }
}
