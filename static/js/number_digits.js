// A number in large type: its digits are buttons that say which of them is looked at; the rest is as it was written.

import { create } from "./component.js";
import { acceptance, signsOf } from "./decision.js";
import { digitLabel, otherSign } from "./messages.js";

// The lines of a reading; choose(index) is called with the digit that is pressed.
export function numberLines(reading, rule, choose) {
  const lines = [[]];
  for (const { sign, index } of signsOf(reading)) {
    if (sign === "\n") lines.push([]);
    else lines.at(-1).push(index === undefined ? mark(sign) : digitButton(reading.digits[index], index, rule, choose));
  }
  return lines.map((signs) => create("span", { className: "line" }, signs));
}

export function showChosen(root, index) {
  for (const button of root.querySelectorAll("button")) button.ariaPressed = Number(button.dataset.index) === index;
}

function digitButton(digit, index, rule, choose) {
  const button = create("button", { type: "button", ariaLabel: digitLabel(digit) }, String(digit.digit));
  Object.assign(button.dataset, { index, state: acceptance({ ...digit, text: "" }, rule) });
  button.addEventListener("click", () => choose(index));
  return button;
}

function mark(sign) {
  return create("span", sign === "?" ? { className: "other-sign", title: otherSign } : {}, sign === " " ? "\u00a0" : sign);
}
