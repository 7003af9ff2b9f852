// One picture of the board: the picture with its boxes, its answer or what went wrong, and what can be done with it.

import { Failure } from "./client.js";
import { moveFocus } from "./component.js";
import { decide, isReading } from "./decision.js";
import { drawBoxesOver } from "./digit_boxes.js";
import { uploadErrorMessage } from "./failure_messages.js";
import { PICTURE_READING, PICTURE_WAITING, resultMessage, SLOW, writtenAs } from "./messages.js";
import { scaledDown } from "./picture_edit.js";
import { NO_PICTURE } from "./svg.js";

const SLOW_MS = 3_000;

export class UploadItem {
  #part = (name) => this.element.querySelector(name);
  #file;
  #rule;
  #slow = 0;
  address; // of the file, until it is revoked
  answer = null;
  message;

  // board.act(name, item) does what is pressed.
  constructor(file, rule, board) {
    this.isDone = false; // answered, or without hope of an answer
    this.isBad = false;
    this.asked = 0; // how often
    this.timer = 0; // of the next try
    this.tries = 0; // without an answer, since somebody asked for one
    this.announced = ""; // to a screen reader
    this.#rule = rule;
    this.element = document.getElementById("result").content.firstElementChild.cloneNode(true);
    this.#part(".thumb").addEventListener("load", () => this.#showBoxes());
    this.#part(".thumb").addEventListener("error", ({ target }) => (target.src = NO_PICTURE)); // TIFF, or no picture at all
    this.#part(".result-name").textContent = file.name;
    for (const button of this.element.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => board.act(button.dataset.do, this));
    }
    this.file = file;
  }

  get file() {
    return this.#file;
  }

  // Another picture in its place, as one that was turned.
  set file(file) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.#file = file;
    this.#part(".thumb").src = this.address = URL.createObjectURL(file);
  }

  get state() {
    return this.element.dataset.state;
  }

  // What became of it, in a line.
  get news() {
    return `${this.file.name}: ${this.message.headline}`;
  }

  // A photo that is too large for the server is made smaller, once.
  async askWith(ask, maxBytes, signal) {
    try {
      if (this.file.size > maxBytes) throw new Failure("too-large"); // no need to send it first
      return await ask(this.file, signal);
    } catch (failure) {
      if (failure.kind !== "too-large") throw failure;
      this.file = await scaledDown(this.file).catch(() => Promise.reject(failure));
      return ask(this.file, signal);
    }
  }

  showWaiting() {
    clearTimeout(this.timer);
    this.isDone = this.isBad = false;
    this.answer = null;
    this.#show("waiting", PICTURE_WAITING);
  }

  showReading() {
    this.#show("waiting", PICTURE_READING);
    this.#slow = setTimeout(() => (this.#part(".result-note").textContent = SLOW), SLOW_MS);
  }

  showAnswer(answer) {
    this.answer = answer;
    this.isDone = true;
    this.applyPolicy(this.#rule);
  }

  // The same answer by another rule.
  applyPolicy(rule) {
    this.#rule = rule;
    if (!this.answer) return;
    const state = decide(this.answer, rule);
    const message = resultMessage(this.answer, rule);
    // A slider's step changes few of hundreds.
    const isSame = state === this.state && message.headline === this.message.headline && message.note === this.message.note;
    if (!isSame || isReading(this.answer)) this.#show(state, message);
  }

  showFailure(failure) {
    this.isDone = this.isBad = !failure.isTransient;
    this.#show("fault", uploadErrorMessage(failure));
    this.#part(".retry").hidden = !failure.isTransient && failure.kind !== "broken";
  }

  release() {
    clearTimeout(this.timer);
    clearTimeout(this.#slow);
    URL.revokeObjectURL(this.address);
  }

  #show(state, message) {
    clearTimeout(this.#slow);
    this.element.dataset.state = state;
    this.message = message;
    this.#part(".tile-answer").textContent = this.answer && state !== "none" ? writtenAs(this.answer) : "";
    this.#part(".result-headline").textContent = message.headline;
    this.#part(".result-note").textContent = message.note;
    moveFocus(this.#part(".retry"), this.element);
    this.#part(".retry").hidden = true;
    this.#showBoxes();
  }

  #showBoxes() {
    drawBoxesOver(this.#part(".thumb"), this.#part(".boxes"), this.answer, this.#rule);
  }
}
