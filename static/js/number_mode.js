// The Number tab: a paper of its own, asked about as a whole number, its digits boxed.
//
// A reading is { text, confidence, accepted, digits: [{ digit, confidence, box: [x, y, width, height] }, ...] }, the
// boxes in the strokes' own units.

import { Announcer } from "./answer_view.js";
import { PAPER } from "./drawing.js";
import { LiveAnswer } from "./live_answer.js";
import { PadTools } from "./pad_tools.js";
import { StrokePad } from "./stroke_pad.js";
import { svg } from "./svg.js";
import { trust, verdict } from "./verdict.js";
import { drawingFailureWords, NO_NUMBER_DRAWN, numberWords, percent, SLOW } from "./words.js";

const PEN_WIDTH = 20; // a digit is some two hundred of the thousand units high
const HEIGHT = PAPER * 0.4; // as the paper's aspect in the style sheet
const MARGIN = 18;

// Returns the tab's parts. ask(strokes, signal) gives a promise of a reading, rule() the rule that holds.
export function numberMode(root, ask, threshold, rule) {
  const pad = new StrokePad(root.querySelector("canvas"), PEN_WIDTH);
  const view = new NumberView(root);
  const live = new LiveAnswer(ask);
  pad.addEventListener("change", ({ detail: finished }) => live.update(pad.strokes, finished));
  live.addEventListener("answer", ({ detail: { answer } }) => view.showReading(answer, rule()));
  live.addEventListener("slow", () => view.showSlow());
  live.addEventListener("failure", ({ detail }) => view.showWords("fault", "?", drawingFailureWords(detail)));
  live.addEventListener("idle", () => view.showWords("idle", "?", NO_NUMBER_DRAWN));
  threshold.addEventListener("change", () => view.judge(rule()));
  return [pad, new PadTools(pad, root), live];
}

class NumberView {
  #root;
  #boxes;
  #parts = {};
  #announcer;
  #reading = null;

  constructor(root) {
    this.#root = root.querySelector(".answer");
    this.#boxes = root.querySelector(".boxes");
    this.#boxes.setAttribute("viewBox", `0 0 ${PAPER} ${HEIGHT}`);
    for (const name of ["text", "headline", "note"]) this.#parts[name] = root.querySelector(`#number-${name}`);
    this.#announcer = new Announcer(root.querySelector("[role=status]"));
  }

  showReading(reading, rule) {
    this.#reading = reading;
    this.#root.removeAttribute("data-stale");
    this.judge(rule);
  }

  // The same reading by another rule; one of an older drawing stays as it is.
  judge(rule) {
    if (!this.#reading || this.#root.hasAttribute("data-stale")) return;
    const { text, digits } = this.#reading;
    this.#say(verdict(this.#reading, rule), text || "?", numberWords(this.#reading, rule));
    const judged = digits.map((digit) => ({ ...digit, state: trust(digit, rule) }));
    this.#boxes.replaceChildren(...judged.map(boxed));
  }

  showWords(state, text, words) {
    this.#reading = null;
    this.#say(state, text, words);
    this.#boxes.replaceChildren();
  }

  showSlow() {
    this.#root.toggleAttribute("data-stale", this.#reading !== null);
    this.#parts.note.textContent = SLOW;
    this.#announcer.say(SLOW);
  }

  #say(state, text, { headline, note }) {
    this.#root.dataset.state = state;
    this.#root.removeAttribute("data-stale");
    this.#parts.text.textContent = text;
    this.#parts.headline.textContent = headline;
    this.#parts.note.textContent = note;
    this.#announcer.say(`${headline}. ${note}`);
  }
}

function boxed({ digit, state, confidence, box: [x, y, width, height] }) {
  const [left, top] = [x - MARGIN, y - MARGIN];
  return svg("g", { "data-state": state }, [
    svg("rect", { x: left, y: top, width: width + 2 * MARGIN, height: height + 2 * MARGIN, rx: 12 }),
    svg("text", { x: left + 8, y: Math.max(34, top - 8) }, [`${digit} `, svg("tspan", {}, [percent(confidence)])]),
  ]);
}
