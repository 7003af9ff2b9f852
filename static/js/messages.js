// What the page says: pure functions from answers and failures to words.

import { decimal, t } from "./texts.js";
import { decide, hasOtherSigns, isReading, OTHER_SIGN, signsOf, topTwo } from "./decision.js";

export const article = (digit) => t(digit === 8 ? "an {digit}" : "a {digit}", { digit });

// No answer is ever called 100 %: rounding must not make a promise.
export function percent(fraction) {
  if (fraction > 0.999) return t("over {percent}", { percent: `${decimal(99.9, 1)}\u00a0%` });
  if (fraction < 0.01) return t("under {percent}", { percent: "1\u00a0%" });
  return `${decimal(fraction * 100, fraction > 0.99 ? 1 : 0)}\u00a0%`;
}

// For a bar, which has no room for more: "99.8%", and nothing for next to nothing.
export function shortPercent(fraction) {
  if (fraction < 0.01) return "";
  return fraction > 0.999 ? `>${decimal(99.9, 1)}%` : percent(fraction).replace("\u00a0", "");
}

// What was read, in a line.
export const textOf = (answer) => (isReading(answer) ? answer.text.replaceAll("\n", ", ") : String(answer.digit));

// As it is written, with separators.
export function writtenAs(answer) {
  return isReading(answer) ? signsOf(answer).map(({ sign }) => (sign === "\n" ? ", " : sign)).join("") : String(answer.digit);
}

export function resultMessage(answer, rule) {
  return isReading(answer) ? readingMessage(answer, rule) : predictionMessage(answer, rule);
}

function predictionMessage(prediction, rule) {
  const { digit, confidence, probabilities, reason } = prediction;
  const [first, second] = topTwo(probabilities);
  const [likely, next] = [first, second].map((at) => percent(probabilities[at]));
  const detail = t("{first} for the {a}, {second} for the {b}.", { first: likely, a: first, second: next, b: second });
  switch (decide(prediction, rule)) {
    case "none":
      return reason === "several_digits"
        ? { headline: t("More than one digit"), note: t("Or other writing next to it.") }
        : { headline: t("This does not look like a digit"), note: t("It takes one digit, large and alone.") };
    case "doubt":
      return { headline: t("Not sure: it may be {a} or {b}", { a: article(first), b: article(second) }), note: detail };
    default:
      return {
        headline: t("It is {what}", { what: article(digit) }),
        note: certaintyMessage(confidence),
        detail: t("Next comes the {digit}, {percent}.", { digit: second, percent: next }),
      };
  }
}

const certaintyMessage = (confidence) =>
  t("{certainty}, {percent}.", { certainty: certainty(confidence), percent: percent(confidence) });

function certainty(confidence) {
  if (confidence >= 0.995) return t("Almost certain");
  if (confidence >= 0.95) return t("Very likely");
  return t(confidence >= 0.5 ? "Likely" : "Only a guess");
}

export const thresholdLabel = (kind) => t(kind === "digit" ? "How sure must a digit be?" : "How sure must a number be?");

export function thresholdMessage(kind, threshold) {
  const fraction = Math.round(threshold * 100);
  if (fraction > 0) return t("Below {percent} it says that it is not sure.", { percent: `${fraction}\u00a0%` });
  return t(kind === "digit" ? "It names a digit even when it only guesses." : "It names a number even when it only guesses.");
}

// What a button says of one digit of a number.
export const digitLabel = ({ digit, confidence }) => `${digit}, ${percent(confidence)}`;
export const otherSign = t("No digit");

// What stands on the paper, where it is not the digits alone; older entries of the history do not know it.
function transcriptMessage(reading) {
  const { text, transcript = text } = reading;
  if (transcript === text) return "";
  const other = hasOtherSigns(reading) ? ` ${t("What stands at the {sign} is no digit.", { sign: OTHER_SIGN })}` : "";
  return `${t("Written as {text}.", { text: transcript.replaceAll("\n", ", ") })}${other} `;
}

function readingMessage(reading, rule) {
  const { confidence } = reading;
  const number = textOf(reading);
  const written = transcriptMessage(reading);
  switch (decide(reading, rule)) {
    case "none":
      return { headline: t("This does not look like a number"), note: t("Write digits side by side.") };
    case "doubt":
      return {
        headline: t("Not sure: it may be {what}", { what: number }),
        note: written + t("{percent} for the whole number.", { percent: percent(confidence) }),
      };
    default:
      return { headline: t("It is {what}", { what: number }), note: written + certaintyMessage(confidence) };
  }
}

export function correctionMessage(entry) {
  const { label } = entry;
  return label && label !== textOf(entry) ? t(", corrected to {label}", { label: label === "none" ? t("no digit") : label }) : "";
}

export function undoMessage(left) {
  return t(left ? "Entry removed." : "History cleared.");
}

export const PICTURE_WAITING = { headline: t("Waiting"), note: "" };
export const PICTURE_READING = { headline: t("Reading…"), note: "" };
export const CROP_HINT = t("Drag over a part of the picture to read that part alone. Tap a digit to look at it.");

// How far a board of `count` pictures is.
export function picturesMessage(count, done, bad, removedCount) {
  if (count === 0) return t(removedCount === 1 ? "Picture removed." : "Pictures removed.");
  if (done < count) return t("{done} of {count} done", { done, count });
  const pictures = t(count === 1 ? "{count} picture" : "{count} pictures", { count });
  return bad ? pictures + t(", {bad} without an answer", { bad }) : pictures;
}

export const FEEDBACK = { right: t("Kept in the history as right."), corrected: t("Kept in the history as you said.") };
export const outboxMessage = (count) => t(count === 1 ? "1 drawing waits for the server." : "{count} drawings wait for the server.", { count });
export const NOT_LOADED = t("This part of the page did not load. Check the connection and try again.");
export const IT_IS_BACK = t("It is back.");
export const NOT_KEPT = t("The browser keeps nothing: the history lasts until this page is closed.");
export const NO_LABELED_DRAWING = t("There is no drawing with a label yet: draw a digit, or set the right answer of one.");

export const NOTHING_DRAWN = { headline: t("Nothing drawn yet"), note: t("Write a digit or a number.") };

export const WAITING = { headline: t("Reading…"), note: t("The answer is on its way.") };

// How a constraint is given.
export const CONSTRAINTS = {
  length: { placeholder: "5", title: t("A whole number from 1 to 64") },
  pattern: { placeholder: "dd.dd.dddd", title: t("d for any digit, and separators as they are written: dd.dd.dddd") },
  choices: { placeholder: "101, 205, 307", title: t("Numbers, separated by commas") },
};

export const NOTHING_TO_REPORT = t("There is no answer to report yet.");

export const SLOW = t("The answer takes longer than usual. It is still on its way.");
