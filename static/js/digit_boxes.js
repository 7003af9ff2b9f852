// The boxes of a number's digits, on its sheet or picture; which digit one is stands in the answer, in the same order.

import { acceptance } from "./decision.js";
import { svg } from "./svg.js";

const MARGIN = 0.012; // of a box around its digit, of the picture's longer side

// The boxes of an answer over an <img>, whose pixels are their units.
export function drawBoxesOver({ naturalWidth: width, naturalHeight: height }, root, answer, rule, chosen) {
  root.setAttribute("viewBox", `0 0 ${width || 1} ${height || 1}`);
  drawBoxes(root, answer?.digits ?? [], rule, chosen, MARGIN * Math.max(width, height));
}

// Draws into an <svg>; chosen is the place of the digit that is looked at, margin in the boxes' own units.
export function drawBoxes(root, digits, rule, chosen, margin) {
  root.replaceChildren(...digits.map((digit, index) => {
    const [x, y, width, height] = digit.box;
    const state = acceptance({ ...digit, text: "" }, rule);
    const place = { x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin, rx: margin };
    return svg("rect", { ...place, "data-state": state, ...(index === chosen && { "data-chosen": "" }) });
  }));
}
