// Shows the answer for the paper: digit, words, bars and the ink that the network saw.

import { drawingFailureWords, NOTHING_DRAWN, percent, predictionWords } from "./words.js";

const ANNOUNCE_AFTER_MS = 700; // a screen reader hears the answer after the pen rests, not at every stroke
const SHOWN_FROM = 0.005; // a share that rounds to 0 % is left out

export class AnswerView {
  #root;
  #parts = {};
  #bars;
  #announcing = 0;

  constructor(root) {
    this.#root = root;
    for (const id of ["digit", "headline", "note", "seen", "ink", "announcement"]) {
      this.#parts[id] = root.querySelector(`#${id}`);
    }
    this.#bars = [...root.querySelectorAll("#bars li")];
  }

  showPrediction(prediction) {
    this.#say(prediction.accepted ? "sure" : "doubt", String(prediction.digit), predictionWords(prediction));
    this.#draw(prediction.probabilities, prediction.digit);
    this.#parts.ink.src = prediction.ink;
    this.#parts.seen.hidden = false;
  }

  showNothing() {
    this.#say("idle", "?", NOTHING_DRAWN);
    this.#forget();
  }

  // The last answer stays, faded, while the connection is away; any other failure leaves none.
  showFailure(failure) {
    const { textContent } = this.#parts.digit;
    this.#say("fault", failure.passes ? textContent : "?", drawingFailureWords(failure));
    this.#root.toggleAttribute("data-stale", failure.passes);
    if (!failure.passes) this.#forget();
  }

  #say(state, digit, { headline, note }) {
    this.#root.dataset.state = state;
    this.#root.removeAttribute("data-stale");
    this.#parts.digit.textContent = digit;
    this.#parts.headline.textContent = headline;
    this.#parts.note.textContent = note;
    clearTimeout(this.#announcing);
    this.#announcing = setTimeout(() => {
      this.#parts.announcement.textContent = `${headline}. ${note}`;
    }, ANNOUNCE_AFTER_MS);
  }

  #draw(probabilities, top) {
    this.#bars.forEach((bar, digit) => {
      const share = probabilities[digit];
      bar.style.setProperty("--share", share.toFixed(4));
      bar.toggleAttribute("data-top", digit === top);
      bar.querySelector(".share").textContent = share >= SHOWN_FROM ? `${Math.min(99, Math.round(share * 100))}%` : "";
      bar.querySelector(".spoken").textContent = `${digit}: ${percent(share)}`;
    });
  }

  #forget() {
    this.#parts.seen.hidden = true;
    for (const bar of this.#bars) {
      bar.style.removeProperty("--share");
      bar.removeAttribute("data-top");
      bar.querySelector(".share").textContent = "";
      bar.querySelector(".spoken").textContent = `${bar.dataset.digit}: no answer yet`;
    }
  }
}
