// What a round asks for, above the sheet, and its buttons among the tools. Fires "next", "again" and "leave".

import { Component, create } from "../component.js";
import { svg } from "../svg.js";
import * as texts from "./texts.js";

const ANNOUNCE_AFTER_MS = 700; // the pen rests, as for an answer
const ICONS = {
  again: "M19.5 9.5A8 8 0 1 0 20 13M20 4.5v5h-5",
  leave: "M6 6l12 12M18 6L6 18",
};

export class TaskView extends Component {
  #desk;
  #ask = create("p", { className: "task-ask", tabIndex: -1 });
  #progress = create("span");
  #clock = create("span");
  #note = create("p", { className: "task-note" });
  #news = create("p", { className: "unseen", role: "status" });
  #task = create("section", { className: "task", ariaLabel: texts.TITLE }, this.#ask,
    create("p", { className: "task-progress" }, this.#progress, this.#clock), this.#note, this.#news);
  #buttons = [this.#button("again", texts.AGAIN), this.#button("leave", texts.LEAVE), this.#button("next", texts.NEXT)];
  #timer = 0;

  constructor(desk) {
    super();
    this.#desk = desk;
  }

  listen(signal) {
    const answers = this.#desk.querySelector("#announcement");
    answers.ariaLive = "off"; // one voice is enough, and it says what an answer means for the round
    this.#desk.dataset.round = "";
    this.#desk.querySelector("#options").hidePopover();
    this.#desk.querySelector(".paper").prepend(this.#task);
    this.#desk.querySelector(".tools").append(...this.#buttons);
    signal.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      answers.ariaLive = null;
      delete this.#desk.dataset.round;
      for (const part of [this.#task, ...this.#buttons]) part.remove();
    });
  }

  ask(digit, before = "") {
    this.#ask.replaceChildren(texts.WRITE, " ", create("b", {}, digit)); // a new one, which comes in as the style has it
    this.#progress.textContent = texts.progressText(digit);
    this.say("", "");
    this.#announce(`${before} ${texts.askText(digit)}`.trim(), 0);
  }

  // state: a verdict, or "" for none.
  say(state, text) {
    this.#task.dataset.state = state;
    this.#note.textContent = text;
    clearTimeout(this.#timer);
    if (text) this.#announce(text, ANNOUNCE_AFTER_MS);
  }

  showTime(ms) {
    this.#clock.textContent = texts.secondsText(ms);
  }

  focus() {
    this.#ask.focus();
  }

  #announce(text, afterMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#news.textContent = text), afterMs);
  }

  #button(name, text) {
    const icon = name in ICONS && svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, [svg("path", { d: ICONS[name] })]);
    const button = create("button", { className: `task-${name}`, title: text }, icon, create("span", {}, text));
    button.addEventListener("click", () => this.emit(name));
    return button;
  }
}
