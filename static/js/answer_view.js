// Shows the answer for the sheet: what it is in large type, words, the bars of the ten digits and the ink that the network
// saw. Of a number, bars and ink are those of one of its digits. Fires "choose" with that digit's place.

import { Component } from "./component.js";
import { decide, isReading, kindOf, leastCertain } from "./decision.js";
import { NOTHING_DRAWN, resultMessage, shortPercent, SLOW, textOf, WAITING } from "./messages.js";
import { drawingErrorMessage } from "./failure_messages.js";
import { numberLines, showChosen } from "./number_digits.js";

const ANNOUNCE_AFTER_MS = 700; // the pen rests, and nothing is said at every stroke

export class AnswerView extends Component {
  #part = (name) => this.root.querySelector(name);
  #bars;
  #answer = null;
  #timer = 0;

  constructor(root) {
    super();
    this.root = root;
    this.#bars = [...root.querySelectorAll(".bars li")];
    this.chosen = 0; // the digit of a number that is looked at
  }

  // Follows what `live` finds out; rule() gives the one that holds.
  subscribeTo(live, rule) {
    live.addEventListener("answer", ({ detail: { answer } }) => this.show(answer, rule()));
    live.addEventListener("slow", () => {
      this.root.toggleAttribute("data-stale", this.#answer !== null);
      this.#part("[data-part=note]").textContent = SLOW;
      this.#part("[data-part=detail]").textContent = "";
      this.#announce(SLOW);
    });
    live.addEventListener("waiting", () => this.root.dataset.state === "idle" && this.#say("waiting", WAITING));
    live.addEventListener("failure", ({ detail: failure }) => this.#showFailure(failure));
    live.addEventListener("idle", () => this.showWords("idle", NOTHING_DRAWN));
    this.applyPolicy(rule()); // the bars show the threshold from the first
  }

  show(answer, rule) {
    this.#answer = answer;
    this.root.removeAttribute("data-stale");
    this.chosen = isReading(answer) && answer.digits.length ? leastCertain(answer.digits) : 0;
    this.applyPolicy(rule);
  }

  // Words alone, where there is no answer.
  showWords(state, words) {
    this.#forget();
    this.#say(state, words);
  }

  // What a screen reader hears.
  get words() {
    return `${this.#part("h2").textContent}. ${this.#part("[data-part=note]").textContent}`;
  }

  // The same answer by another rule; one of an older drawing stays as it is.
  applyPolicy(rule) {
    const answer = this.#answer;
    this.#part(".bars").style.setProperty("--threshold", rule.threshold);
    if (!answer || this.root.hasAttribute("data-stale")) return;
    const state = decide(answer, rule);
    this.root.dataset.kind = kindOf(answer);
    this.#showText(answer, state, rule);
    this.#say(state, resultMessage(answer, rule));
    this.#showChosen();
  }

  // Shows the bars and the ink of a number's digit.
  choose(index) {
    this.chosen = index;
    this.#showChosen();
    this.emit("choose", index);
  }

  #showText(answer, state, rule) {
    const large = this.#part(".digit");
    const text = state === "none" ? "?" : textOf(answer);
    const isNumber = isReading(answer) && state !== "none";
    large.style.setProperty("--signs", Math.max(...text.split(", ").map(({ length }) => length)));
    large.replaceChildren(...(isNumber ? numberLines(answer, rule, (index) => this.choose(index)) : [text]));
  }

  #showChosen() {
    const digit = isReading(this.#answer) ? this.#answer.digits[this.chosen] : this.#answer;
    showChosen(this.#part(".digit"), this.chosen);
    if (digit) this.#draw(digit);
    else this.#erase();
  }

  #draw({ digit: top, probabilities, normalized_image: ink }) {
    this.#bars.forEach((bar, digit) => {
      const fraction = probabilities[digit];
      bar.style.setProperty("--fraction", fraction.toFixed(4));
      bar.toggleAttribute("data-top", digit === top);
      bar.querySelector(".fraction").textContent = shortPercent(fraction);
    });
    if (this.#part(".ink").src !== ink) this.#part(".ink").src = ink;
    this.#part(".seen").removeAttribute("data-empty");
  }

  // The last answer stays, faded, while the connection is away; any other failure leaves none.
  #showFailure(failure) {
    if (!failure.isTransient) this.#forget();
    const isStale = this.#answer !== null;
    this.#say("fault", drawingErrorMessage(failure));
    this.root.toggleAttribute("data-stale", isStale);
  }

  #say(state, { headline, note, detail = "" }) {
    this.root.dataset.state = state;
    this.root.removeAttribute("data-stale");
    this.#part("h2").textContent = headline;
    this.#part("[data-part=note]").textContent = note;
    this.#part("[data-part=detail]").textContent = detail;
    if (state !== "waiting") this.#announce(`${headline}. ${note}`);
  }

  // Nothing twice in a row.
  #announce(text) {
    const region = this.#part("[role=status]");
    clearTimeout(this.#timer);
    if (text !== region.textContent) this.#timer = setTimeout(() => (region.textContent = text), ANNOUNCE_AFTER_MS);
  }

  #forget() {
    this.#answer = null;
    this.#part(".digit").replaceChildren("?");
    this.#erase();
  }

  #erase() {
    this.#part(".seen").setAttribute("data-empty", "");
    for (const bar of this.#bars) {
      bar.style.removeProperty("--fraction");
      bar.removeAttribute("data-top");
      bar.querySelector(".fraction").textContent = "";
    }
  }
}
