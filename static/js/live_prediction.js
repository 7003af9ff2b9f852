// Asks for an answer while somebody writes. Fires "answer" with { answer, strokes, finished }, "slow" when the answer
// takes long, "failure" with a Failure, "waiting" as long as there is ink without an answer, and "idle" when there is nothing
// to ask.

import { retryDelay } from "./client.js";
import { Component } from "./component.js";

const PAUSE_MS = 120;
const SLOW_MS = 3_000;

export class LivePrediction extends Component {
  #ask;
  #asked = { strokes: [], finished: true };
  #timer = 0;
  #request = new AbortController();
  #roundTripMs = 0;
  #waiting = false; // for the connection or the server, with something to ask
  #tries = 0; // without an answer to the same strokes
  #lost = false; // whether the last question found no server, which is reported once, and not as slow as well

  // ask(strokes, signal) gives a promise of the answer.
  constructor(ask) {
    super();
    this.#ask = ask;
  }

  listen(signal) {
    addEventListener("online", () => this.#waiting && this.refresh(), { signal });
    signal.addEventListener("abort", () => this.#stop());
  }

  // A finished stroke is asked about at once, a moving pen now and then.
  update(strokes, finished) {
    this.#asked = { strokes, finished };
    this.#tries = 0;
    if (strokes.length > 0) this.emit("waiting");
    if (strokes.length === 0) {
      this.#stop();
      this.emit("idle");
    } else if (finished) {
      this.refresh();
    } else if (this.#waiting || !this.#timer) {
      // A line slower than the pause would otherwise see every request overtaken by the next.
      this.#schedule(Math.max(PAUSE_MS, 1.2 * this.#roundTripMs));
    }
  }

  // Asks at once, about the same strokes where there are no others.
  async refresh() {
    this.#stop();
    if (this.#asked.strokes.length === 0) return;
    const { signal } = (this.#request = new AbortController());
    const asked = this.#asked;
    const sentAt = performance.now();
    const slow = setTimeout(() => signal.aborted || this.#lost || this.emit("slow"), SLOW_MS);
    try {
      const answer = await this.#ask(asked.strokes, signal);
      this.#tries = 0;
      this.#lost = false;
      this.#roundTripMs = Math.min(performance.now() - sentAt, SLOW_MS);
      if (!signal.aborted) this.emit("answer", { answer, ...asked });
    } catch (failure) {
      if (!signal.aborted) this.#failed(failure);
    } finally {
      clearTimeout(slow);
    }
  }

  #schedule(delayMs) {
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.#timer = setTimeout(() => this.refresh(), delayMs);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#waiting = false;
    this.#request.abort();
  }

  #failed(failure) {
    this.#lost = failure.isTransient;
    this.emit("failure", failure);
    if (!failure.isTransient || this.#timer) return;
    this.#schedule(retryDelay(failure, this.#tries));
    this.#tries += 1;
    this.#waiting = true;
  }
}
