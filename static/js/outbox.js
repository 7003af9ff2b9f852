// Drawings that were made while the server was away: they are kept, and asked about when it is back. Fires "answer" with
// { strokes, answer }, and "change".

import { Component } from "./component.js";
import { isStroke } from "./drawing.js";

const NAME = "outbox";

export class Outbox extends Component {
  #memory;
  #ask;
  #isAsking = false;
  drawings;

  // ask(strokes, signal) gives a promise of the answer.
  constructor(memory, ask) {
    super();
    this.#memory = memory;
    this.#ask = ask;
    const kept = memory.get(NAME);
    this.drawings = Array.isArray(kept) ? kept.filter((strokes) => Array.isArray(strokes) && strokes.length && strokes.every(isStroke)) : [];
  }

  listen(signal) {
    addEventListener("online", () => this.#send(signal), { signal });
    this.#send(signal);
  }

  add(strokes) {
    this.#keep([...this.drawings, strokes]);
  }

  async #send(signal) {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      while (this.drawings.length && !signal.aborted) await this.#sendFirst(signal);
    } catch {
      // Away still; it is asked again when it is back.
    }
    this.#isAsking = false;
  }

  async #sendFirst(signal) {
    const [strokes] = this.drawings;
    try {
      this.emit("answer", { strokes, answer: await this.#ask(strokes, signal) });
    } catch (failure) {
      if (failure.isTransient || signal.aborted) throw failure; // any other would come again
    }
    this.#keep(this.drawings.filter((drawing) => drawing !== strokes));
  }

  #keep(drawings) {
    this.drawings = drawings;
    this.#memory.set(NAME, drawings);
    this.emit("change");
  }
}
