// Ten digits that are asked for, one after the other: what became of each, and the time. Pure: times come with what
// happens, in milliseconds of one clock.

import { decide, isReading } from "../decision.js";

export const COUNT = 10;

export class Round {
  results = []; // { digit, strokes, answer, verdict }, answer is null where there was none
  #elapsedMs = 0;
  #since = null; // when the clock went on, null while it stands

  get asked() {
    return this.results.length;
  }

  get isOver() {
    return this.asked === COUNT;
  }

  get score() {
    return this.results.filter(({ verdict }) => verdict === "right").length;
  }

  elapsedMs(at) {
    return this.#elapsedMs + (this.#since === null ? 0 : at - this.#since);
  }

  // The pen is down. The first stroke starts the clock.
  write(at) {
    this.#since ??= at;
  }

  // The drawing is read, and the clock stands: how long the server takes is not the person's time.
  wait(at) {
    this.#elapsedMs = this.elapsedMs(at);
    this.#since = null;
  }

  // There is nothing to wait for, and the clock goes on if it was ever started.
  resume(at) {
    if (this.#elapsedMs > 0) this.#since ??= at;
  }

  // The digit is done, and the next one is asked for.
  settle(strokes, answer, rule, at) {
    const digit = this.asked;
    this.results.push({ digit, strokes, answer, verdict: verdictOf(strokes, answer, digit, rule) });
    this.wait(at);
    if (!this.isOver) this.resume(at);
  }
}

// What a drawing is to the one who asked for `digit`: "right", "other" (another digit or a number), "doubt" and "none" as
// decide() returns them, "unread" without an answer, or "blank".
export function verdictOf(strokes, answer, digit, rule) {
  if (strokes.length === 0) return "blank";
  if (!answer) return "unread";
  const state = decide(answer, rule);
  if (state === "none" || state === "doubt") return state;
  return !isReading(answer) && answer.digit === digit ? "right" : "other";
}
