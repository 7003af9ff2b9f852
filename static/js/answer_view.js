// Shows the answer for the paper: digit, words, bars and the ink that the network saw.

import { verdict } from "./verdict.js";
import { drawingFailureWords, NOTHING_DRAWN, predictionWords, SEVERAL_DRAWN, shortPercent, SLOW } from "./words.js";

const ANNOUNCE_AFTER_MS = 700;

// Says to a screen reader what the answer is, after the pen rests and not at every stroke, and nothing twice in a row.
export class Announcer {
  #timer = 0;

  constructor(region) {
    this.region = region;
  }

  say(text) {
    clearTimeout(this.#timer);
    if (text === this.region.textContent) return;
    this.#timer = setTimeout(() => (this.region.textContent = text), ANNOUNCE_AFTER_MS);
  }
}

export class AnswerView {
  #root;
  #parts = {};
  #bars;
  #announcer;
  #prediction = null;

  constructor(root) {
    this.#root = root;
    for (const id of ["digit", "headline", "note", "seen", "ink", "bars"]) {
      this.#parts[id] = root.querySelector(`#${id}`);
    }
    this.#bars = [...root.querySelectorAll("#bars li")];
    this.#announcer = new Announcer(root.querySelector("#announcement"));
  }

  showPrediction(prediction, rule) {
    this.#prediction = prediction;
    this.#root.removeAttribute("data-stale");
    this.judge(rule);
    this.#draw(prediction.probabilities, prediction.digit);
    this.#parts.ink.src = prediction.ink;
    this.#parts.seen.removeAttribute("data-empty");
  }

  // The same answer by another rule; one of an older drawing stays as it is.
  judge(rule) {
    this.#parts.bars.style.setProperty("--threshold", rule.threshold);
    if (!this.#prediction || this.#root.hasAttribute("data-stale")) return;
    const state = verdict(this.#prediction, rule);
    const words = predictionWords(this.#prediction, rule, SEVERAL_DRAWN);
    this.#say(state, state === "none" ? "?" : String(this.#prediction.digit), words);
  }

  showNothing() {
    this.#say("idle", "?", NOTHING_DRAWN);
    this.#forget();
  }

  showSlow() {
    this.#root.toggleAttribute("data-stale", this.#prediction !== null);
    this.#parts.note.textContent = SLOW;
    this.#announcer.say(SLOW);
  }

  // The last answer stays, faded, while the connection is away; any other failure leaves none.
  showFailure(failure) {
    if (!failure.passes) this.#forget();
    const isStale = this.#prediction !== null;
    this.#say("fault", isStale ? this.#parts.digit.textContent : "?", drawingFailureWords(failure));
    this.#root.toggleAttribute("data-stale", isStale);
  }

  #say(state, digit, { headline, note }) {
    this.#root.dataset.state = state;
    this.#root.removeAttribute("data-stale");
    this.#parts.digit.textContent = digit;
    this.#parts.headline.textContent = headline;
    this.#parts.note.textContent = note;
    this.#announcer.say(`${headline}. ${note}`);
  }

  #draw(probabilities, top) {
    this.#bars.forEach((bar, digit) => {
      const share = probabilities[digit];
      bar.style.setProperty("--share", share.toFixed(4));
      bar.toggleAttribute("data-top", digit === top);
      bar.querySelector(".share").textContent = shortPercent(share);
    });
  }

  #forget() {
    this.#prediction = null;
    this.#parts.seen.setAttribute("data-empty", "");
    for (const bar of this.#bars) {
      bar.style.removeProperty("--share");
      bar.removeAttribute("data-top");
      bar.querySelector(".share").textContent = "";
    }
  }
}
