// Shows the answer for a paper: what it is in large type, words, and what a screen reader hears.

import { decide, mayBeNumber } from "./decision.js";
import { resultMessage, drawingErrorMessage, shortPercent, SLOW, textOf } from "./messages.js";

const ANNOUNCE_AFTER_MS = 700; // the pen rests, and nothing is said at every stroke

// What a digit's answer and a number's have in common; draw() and erase() are the kind's own.
export class PredictionView {
  #parts;
  #idle; // the words for an empty paper
  #answer = null;
  #timer = 0;

  constructor(root, idle) {
    this.root = root;
    this.#parts = [".digit", "h2", "h2 + p", "[role=status]"].map((name) => root.querySelector(name));
    this.#idle = idle;
  }

  // Follows what `live` finds out; rule() gives the one that holds.
  subscribeTo(live, rule) {
    const { root } = this;
    live.addEventListener("answer", ({ detail: { answer } }) => {
      this.#answer = answer;
      root.removeAttribute("data-stale");
      this.applyPolicy(rule());
    });
    live.addEventListener("slow", () => {
      root.toggleAttribute("data-stale", this.#answer !== null);
      this.#parts[2].textContent = SLOW;
      this.#announce(SLOW);
    });
    live.addEventListener("failure", ({ detail: failure }) => this.#showFailure(failure));
    live.addEventListener("idle", () => {
      this.#say("idle", "?", this.#idle);
      this.#forget();
    });
  }

  // The same answer by another rule; one of an older drawing stays as it is.
  applyPolicy(rule) {
    if (!this.#answer || this.root.hasAttribute("data-stale")) return;
    const state = decide(this.#answer, rule);
    this.#say(state, state === "none" ? "?" : textOf(this.#answer), resultMessage(this.#answer, rule));
    this.draw(this.#answer, rule);
  }

  // The last answer stays, faded, while the connection is away; any other failure leaves none.
  #showFailure(failure) {
    if (!failure.isTransient) this.#forget();
    const isStale = this.#answer !== null;
    this.#say("fault", isStale ? this.#parts[0].textContent : "?", drawingErrorMessage(failure));
    this.root.toggleAttribute("data-stale", isStale);
  }

  #say(state, text, { headline, note }) {
    this.root.dataset.state = state;
    this.root.removeAttribute("data-stale");
    [text, headline, note].forEach((words, index) => (this.#parts[index].textContent = words));
    this.#announce(`${headline}. ${note}`);
  }

  // Nothing twice in a row.
  #announce(text) {
    const region = this.#parts[3];
    clearTimeout(this.#timer);
    if (text !== region.textContent) this.#timer = setTimeout(() => (region.textContent = text), ANNOUNCE_AFTER_MS);
  }

  #forget() {
    this.#answer = null;
    this.erase();
  }
}

// The bars of the ten digits, and the ink that the network saw.
export class DigitView extends PredictionView {
  #part = (name) => this.root.querySelector(name);
  #bars = [...this.root.querySelectorAll("#bars li")];

  applyPolicy(rule) {
    this.#part("#bars").style.setProperty("--threshold", rule.threshold);
    super.applyPolicy(rule);
  }

  draw(answer, rule) {
    const { digit: top, probabilities, normalized_image: ink } = answer;
    this.#part("#as-number").hidden = !mayBeNumber(answer, rule);
    this.#bars.forEach((bar, digit) => {
      const fraction = probabilities[digit];
      bar.style.setProperty("--fraction", fraction.toFixed(4));
      bar.toggleAttribute("data-top", digit === top);
      bar.querySelector(".fraction").textContent = shortPercent(fraction);
    });
    if (this.#part("#ink").src !== ink) this.#part("#ink").src = ink;
    this.#part("#seen").removeAttribute("data-empty");
  }

  erase() {
    this.#part("#as-number").hidden = true;
    this.#part("#seen").setAttribute("data-empty", "");
    for (const bar of this.#bars) {
      bar.style.removeProperty("--fraction");
      bar.removeAttribute("data-top");
      bar.querySelector(".fraction").textContent = "";
    }
  }
}
