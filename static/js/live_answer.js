// Asks for an answer while somebody writes. Fires "answer" with a prediction, "failure" with a Failure, and
// "idle" when there is nothing to ask.

const PAUSE_MS = 120;
const RETRY_MS = 3_000;

export class LiveAnswer extends EventTarget {
  #ask;
  #strokes = [];
  #timer = 0;
  #request = null;
  #roundTripMs = 0;
  #waiting = false; // for the connection or the server, with something to ask

  constructor(ask) {
    super();
    this.#ask = ask;
    addEventListener("online", () => this.#waiting && this.#schedule(0));
  }

  update(strokes) {
    this.#strokes = strokes;
    if (strokes.length === 0) {
      this.#stop();
      this.dispatchEvent(new Event("idle"));
      return;
    }
    // A line slower than the pause would otherwise see every request overtaken by the next.
    if (this.#waiting || !this.#timer) this.#schedule(Math.max(PAUSE_MS, 1.2 * this.#roundTripMs));
  }

  #schedule(delayMs) {
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.#timer = setTimeout(() => this.#send(), Math.min(delayMs, RETRY_MS));
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#waiting = false;
    this.#request?.abort();
  }

  async #send() {
    this.#stop();
    const request = (this.#request = new AbortController());
    const sentAt = performance.now();
    try {
      const prediction = await this.#ask(this.#strokes, request.signal);
      this.#roundTripMs = performance.now() - sentAt;
      if (!request.signal.aborted) this.dispatchEvent(new CustomEvent("answer", { detail: prediction }));
    } catch (failure) {
      if (!request.signal.aborted) this.#failed(failure);
    }
  }

  #failed(failure) {
    this.dispatchEvent(new CustomEvent("failure", { detail: failure }));
    if (!failure.passes || this.#timer) return;
    this.#schedule(RETRY_MS);
    this.#waiting = true;
  }
}
