// One picture of the list: its thumbnail, its answer or what went wrong, and the way to try again.

import { moveFocus } from "./component.js";
import { NO_PICTURE } from "./svg.js";
import { decide, mayBeNumber } from "./decision.js";
import { resultMessage, uploadErrorMessage, SLOW } from "./messages.js";

const SLOW_MS = 3_000;

export class UploadItem {
  #part = (name) => this.element.querySelector(name);
  #address; // of the file, until it is revoked
  #answer = null;
  #rule;
  #slow = 0;

  // again(item) asks once more.
  constructor(file, rule, again) {
    this.file = file;
    this.isDone = false; // answered, or without hope of an answer
    this.isBad = false;
    this.isNumber = false; // whatever the others are
    this.timer = 0; // of the next try
    this.tries = 0; // without an answer, since somebody asked for one
    this.told = ""; // to a screen reader
    this.#rule = rule;
    this.element = document.getElementById("result").content.firstElementChild.cloneNode(true);
    const thumb = this.#part(".thumb");
    thumb.src = this.#address = URL.createObjectURL(file);
    thumb.addEventListener("error", () => (thumb.src = NO_PICTURE), { once: true }); // TIFF, or no picture at all
    this.#part(".result-name").textContent = file.name;
    this.#part(".retry").addEventListener("click", () => {
      this.tries = 0;
      again(this);
    });
    this.#part(".as-number").addEventListener("click", () => {
      this.isNumber = true;
      again(this);
    });
  }

  showWaiting() {
    clearTimeout(this.timer);
    this.isDone = this.isBad = false;
    this.#answer = null;
    this.#part(".ink").hidden = true;
    this.#show("waiting", { headline: "Waiting", note: "" });
  }

  showReading() {
    this.#show("waiting", { headline: "Reading…", note: "" });
    this.#slow = setTimeout(() => (this.#part(".result-note").textContent = SLOW), SLOW_MS);
  }

  showAnswer(answer) {
    this.#answer = answer;
    this.isDone = true;
    this.applyPolicy(this.#rule);
    this.#part(".ink").src = answer.normalized_image ?? "";
    this.#part(".ink").hidden = !answer.normalized_image; // a number has none
  }

  // What became of it, in a line.
  get news() {
    return `${this.file.name}: ${this.#part(".result-headline").textContent}`;
  }

  // The same answer by another rule.
  applyPolicy(rule) {
    this.#rule = rule;
    if (!this.#answer) return;
    this.#show(decide(this.#answer, rule), resultMessage(this.#answer, rule));
    this.#part(".as-number").hidden = !mayBeNumber(this.#answer, rule);
  }

  showFailure(failure) {
    this.isDone = this.isBad = !failure.isTransient;
    this.#show("fault", uploadErrorMessage(failure));
    this.#part(".retry").hidden = !failure.isTransient && failure.kind !== "broken";
  }

  release() {
    clearTimeout(this.timer);
    clearTimeout(this.#slow);
    URL.revokeObjectURL(this.#address);
  }

  #show(state, { headline, note }) {
    clearTimeout(this.#slow);
    this.element.dataset.state = state;
    this.#part(".result-headline").textContent = headline;
    this.#part(".result-note").textContent = note;
    for (const button of this.element.querySelectorAll("button")) {
      moveFocus(button, this.element);
      button.hidden = true;
    }
  }
}
