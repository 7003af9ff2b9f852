// The slider that says how sure an answer must be. Fires "change"; the choice is remembered until it is taken back.

import { Component } from "./component.js";
import { thresholdMessage } from "./messages.js";

const NAME = "threshold";

export class ThresholdSlider extends Component {
  #part = (name) => this.root.querySelector(name);
  #memory;
  #own;

  // own: the threshold of the model that the server runs.
  constructor(root, memory, own) {
    super();
    this.root = root;
    this.#memory = memory;
    this.#own = own;
    const kept = memory.get(NAME);
    this.chosen = kept >= 0 && kept <= 1 && kept !== null ? kept : undefined; // undefined while the model's own holds
  }

  listen(signal) {
    const slide = ({ target }) => this.#choose(Number(target.value) / 100);
    this.#part("input").addEventListener("input", slide, { signal });
    this.#part("button").addEventListener("click", () => this.#choose(undefined), { signal });
    this.#show();
  }

  get value() {
    return this.chosen ?? this.#own;
  }

  #choose(threshold) {
    this.chosen = threshold;
    this.#memory.set(NAME, threshold ?? null);
    this.#show();
    this.emit("change");
  }

  #show() {
    const fraction = Math.round(this.value * 100);
    this.#part("input").value = fraction;
    this.#part("input").ariaValueText = `${fraction} %`;
    this.#part("p").textContent = thresholdMessage(this.value);
    this.#part("button").ariaDisabled = this.chosen === undefined;
  }
}
