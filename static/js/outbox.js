// Drawings that were made while the server was away: they are kept, and asked about when it is back. Fires "answer" with
// { strokes, label, answer }, and "change".

import { Component } from "./component.js";
import { isStroke } from "./drawing.js";

const NAME = "outbox";

export class Outbox extends Component {
  #memory;
  #ask;
  #isAsking = false;
  #signal;
  drawings; // { strokes, label }, label as in the history

  // ask(strokes, signal) gives a promise of the answer.
  constructor(memory, ask) {
    super();
    this.#memory = memory;
    this.#ask = ask;
    const kept = memory.get(NAME);
    this.drawings = Array.isArray(kept) ? kept.filter((drawing) => drawing?.strokes?.length && drawing.strokes.every(isStroke)) : [];
  }

  listen(signal) {
    this.#signal = signal;
    addEventListener("online", () => this.#send(), { signal });
    this.#send();
  }

  add(drawing) {
    this.#keep([...this.drawings, drawing]);
    this.#send();
  }

  async #send() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      while (this.drawings.length && !this.#signal.aborted) await this.#sendFirst();
    } catch {
      // Away still; it is asked again when it is back.
    }
    this.#isAsking = false;
  }

  async #sendFirst() {
    const [first] = this.drawings;
    try {
      this.emit("answer", { ...first, answer: await this.#ask(first.strokes, this.#signal) });
    } catch (failure) {
      if (failure.isTransient || this.#signal.aborted) throw failure; // any other would come again
    }
    this.#keep(this.drawings.filter((drawing) => drawing !== first));
  }

  #keep(drawings) {
    this.drawings = drawings;
    this.#memory.set(NAME, drawings);
    this.emit("change");
  }
}
