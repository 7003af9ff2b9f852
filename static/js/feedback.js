// "Right? It was ...": what the person says of an answer becomes its label in the history; and the answer said aloud.

import { Component } from "./component.js";
import { FEEDBACK } from "./messages.js";

export class Feedback extends Component {
  #part = (name) => this.root.querySelector(name);
  #text = ""; // of the answer, digits alone

  // Fires "label" with the right answer, and "speak".
  constructor(root) {
    super();
    this.root = root;
  }

  listen(signal) {
    this.#part("[data-do=right]").addEventListener("click", () => this.#tell(this.#text), { signal });
    this.#part("[data-do=speak]").addEventListener("click", () => this.emit("speak"), { signal });
    this.#part("input").addEventListener("change", ({ target }) => {
      if (target.value && target.reportValidity()) this.#tell(target.value);
    }, { signal });
    this.#part("[data-do=speak]").hidden = !("speechSynthesis" in window);
    this.show("");
  }

  // text: of an answer that may be right, "" where there is none.
  show(text) {
    this.#text = text.replace(/\D/g, "");
    this.#part("input").value = "";
    this.#part("[role=status]").textContent = "";
    for (const control of this.root.querySelectorAll("button, input")) control.disabled = !this.#text;
  }

  #tell(label) {
    this.emit("label", label);
    this.#part("[role=status]").textContent = label === this.#text ? FEEDBACK.right : FEEDBACK.corrected;
  }
}

export function speak(text) {
  speechSynthesis.cancel();
  speechSynthesis.speak(Object.assign(new SpeechSynthesisUtterance(text), { lang: document.documentElement.lang }));
}
