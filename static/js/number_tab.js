// The Number tab: a paper of its own, asked about as a whole number, its digits boxed.
//
// A reading is { text, transcript, confidence, accepted, digits: [{ digit, confidence, box: [x, y, width, height] }, ...] },
// the boxes in the strokes' own units.

import { PredictionView } from "./prediction_view.js";
import { LivePrediction } from "./live_prediction.js";
import { PadToolbar } from "./pad_toolbar.js";
import { StrokePad } from "./stroke_pad.js";
import { NUMBER_BOX, svg } from "./svg.js";
import { acceptance } from "./decision.js";
import { NO_NUMBER_DRAWN, percent } from "./messages.js";

const PEN_WIDTH = 20; // a digit is some two hundred of the thousand units high
const MARGIN = 18;

// Returns { pad, live, parts }. ask(strokes, signal) gives a promise of a reading, rule() the rule that holds.
export function numberTab(root, ask, threshold, rule) {
  const pad = new StrokePad(root.querySelector("canvas"), PEN_WIDTH);
  const view = new NumberView(root.querySelector(".answer"), NO_NUMBER_DRAWN);
  const live = new LivePrediction(ask);
  pad.addEventListener("change", ({ detail: finished }) => live.update(pad.strokes, finished));
  view.boxes = root.querySelector(".boxes");
  view.subscribeTo(live, rule);
  threshold.addEventListener("change", () => view.applyPolicy(rule()));
  return { pad, live, parts: [pad, new PadToolbar(pad, root), live] };
}

class NumberView extends PredictionView {
  draw({ digits }, rule) {
    this.boxes.setAttribute("viewBox", NUMBER_BOX);
    this.boxes.replaceChildren(...digits.map((digit) => boxed(digit, acceptance(digit, rule))));
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
