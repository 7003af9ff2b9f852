// A slider for one of the two thresholds; where it stands decides which.

import { Component } from "./component.js";
import { thresholdLabel, thresholdMessage } from "./messages.js";

export class ThresholdSlider extends Component {
  #part = (name) => this.root.querySelector(name);
  #thresholds;
  #kind;

  constructor(root, thresholds, kind) {
    super();
    this.root = root;
    this.#thresholds = thresholds;
    this.#kind = kind;
  }

  listen(signal) {
    const slide = ({ target }) => this.#thresholds.choose(this.#kind, Number(target.value) / 100);
    this.#part("input").addEventListener("input", slide, { signal });
    this.#part("button").addEventListener("click", () => this.#thresholds.choose(this.#kind, undefined), { signal });
    this.#thresholds.addEventListener("change", () => this.#show(), { signal });
    this.#show();
  }

  set kind(kind) {
    if (kind === this.#kind) return;
    this.#kind = kind;
    this.#show();
  }

  #show() {
    const threshold = this.#thresholds.of(this.#kind);
    const percent = Math.round(threshold * 100);
    this.#part("label").textContent = thresholdLabel(this.#kind);
    this.#part("input").value = percent;
    this.#part("input").ariaValueText = `${percent} %`;
    this.#part("p").textContent = thresholdMessage(this.#kind, threshold);
    this.#part("button").ariaDisabled = this.#thresholds.isOwn(this.#kind);
  }
}
