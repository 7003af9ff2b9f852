// How sure an answer must be, a digit's and a number's each. Fires "change"; a choice is remembered until it is taken back.

import { Component } from "./component.js";

const NAME = "thresholds";

export class Thresholds extends Component {
  #memory;
  #own;
  #chosen;

  // own: those of the models that the server runs, { digit, number }.
  constructor(memory, own) {
    super();
    this.#memory = memory;
    this.#own = own;
    const kept = Object.entries(memory.get(NAME) ?? {});
    this.#chosen = Object.fromEntries(kept.filter(([kind, value]) => kind in own && value >= 0 && value <= 1));
  }

  // As decision.js takes it.
  get rule() {
    return { threshold: this.of("digit"), numberThreshold: this.of("number") };
  }

  of(kind) {
    return this.#chosen[kind] ?? this.#own[kind];
  }

  isOwn(kind) {
    return this.#chosen[kind] === undefined;
  }

  // threshold: undefined is the model's own.
  choose(kind, threshold) {
    this.#chosen = { ...this.#chosen, [kind]: threshold };
    this.#memory.set(NAME, this.#chosen);
    this.emit("change");
  }
}
