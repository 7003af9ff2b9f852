// The Number tab: a paper of its own, asked about as a whole number, its digits boxed.
//
// A reading is { text, transcript, confidence, accepted, digits: [{ digit, confidence, box: [x, y, width, height] }, ...] },
// the boxes in the strokes' own units.

import { AnswerView } from "./answer_view.js";
import { LiveAnswer } from "./live_answer.js";
import { PadTools } from "./pad_tools.js";
import { StrokePad } from "./stroke_pad.js";
import { NUMBER_BOX, svg } from "./svg.js";
import { trust } from "./verdict.js";
import { NO_NUMBER_DRAWN, percent } from "./words.js";

const PEN_WIDTH = 20; // a digit is some two hundred of the thousand units high
const MARGIN = 18;

// Returns { pad, live, parts }. ask(strokes, signal) gives a promise of a reading, rule() the rule that holds.
export function numberMode(root, ask, threshold, rule) {
  const pad = new StrokePad(root.querySelector("canvas"), PEN_WIDTH);
  const view = new NumberView(root.querySelector(".answer"), NO_NUMBER_DRAWN);
  const live = new LiveAnswer(ask);
  pad.addEventListener("change", ({ detail: finished }) => live.update(pad.strokes, finished));
  view.boxes = root.querySelector(".boxes");
  view.follow(live, rule);
  threshold.addEventListener("change", () => view.judge(rule()));
  return { pad, live, parts: [pad, new PadTools(pad, root), live] };
}

class NumberView extends AnswerView {
  draw({ digits }, rule) {
    this.boxes.setAttribute("viewBox", NUMBER_BOX);
    this.boxes.replaceChildren(...digits.map((digit) => boxed(digit, trust(digit, rule))));
  }

  erase() {
    this.boxes.replaceChildren();
  }
}

function boxed({ digit, confidence, box: [x, y, width, height] }, state) {
  const [left, top] = [x - MARGIN, y - MARGIN];
  return svg("g", { "data-state": state }, [
    svg("rect", { x: left, y: top, width: width + 2 * MARGIN, height: height + 2 * MARGIN, rx: 12 }),
    svg("text", { x: left + 8, y: Math.max(34, top - 8) }, [`${digit} `, svg("tspan", {}, [percent(confidence)])]),
  ]);
}
