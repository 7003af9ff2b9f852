// What the page says: pure functions from answers and failures to words.

import { isReading, topTwo, decide } from "./decision.js";

export const article = (digit) => (digit === 8 ? "an 8" : `a ${digit}`);

// No answer is ever called 100 %: rounding must not make a promise.
export function percent(fraction) {
  if (fraction > 0.999) return "over 99.9\u00a0%";
  if (fraction < 0.01) return "under 1\u00a0%";
  return `${(fraction * 100).toFixed(fraction > 0.99 ? 1 : 0)}\u00a0%`;
}

// For a bar, which has no room for more: "99.8%", and nothing for next to nothing.
export function shortPercent(fraction) {
  return fraction < 0.01 ? "" : percent(fraction).replace("over ", ">").replace("\u00a0", "");
}

// What was read, in a line.
export const textOf = (answer) => (isReading(answer) ? answer.text.replaceAll("\n", ", ") : String(answer.digit));

export function resultMessage(answer, rule) {
  return isReading(answer) ? readingMessage(answer, rule) : predictionMessage(answer, rule);
}

function predictionMessage(prediction, rule) {
  const { digit, confidence, probabilities, reason } = prediction;
  const [first, second] = topTwo(probabilities);
  const detail = `${percent(probabilities[first])} for the ${first}, ${percent(probabilities[second])} for the ${second}.`;
  switch (decide(prediction, rule)) {
    case "none":
      return reason === "several_digits"
        ? { headline: "More than one digit", note: "Or other writing next to it." }
        : { headline: "This does not look like a digit", note: "It takes one digit, large and alone." };
    case "doubt":
      return { headline: `Not sure: it may be ${article(first)} or ${article(second)}`, note: detail };
    default:
      return {
        headline: `It is ${article(digit)}`,
        note: `${certainty(confidence)}, ${percent(confidence)}. Next comes the ${second}, ${percent(probabilities[second])}.`,
      };
  }
}

function certainty(confidence) {
  if (confidence >= 0.995) return "Almost certain";
  if (confidence >= 0.95) return "Very likely";
  return confidence >= 0.5 ? "Likely" : "Only a guess";
}

export function thresholdMessage(threshold) {
  const fraction = Math.round(threshold * 100);
  return fraction === 0 ? "It names a digit even when it only guesses." : `Below ${fraction}\u00a0% it says that it is not sure.`;
}

// What stands on the paper, where it is not the digits alone; older entries of the history do not know it.
function transcriptMessage({ text, transcript = text }) {
  return transcript === text ? "" : `Written as ${transcript.replaceAll("\n", ", ")}. `;
}

function readingMessage(reading, rule) {
  const { confidence } = reading;
  const number = textOf(reading);
  const written = transcriptMessage(reading);
  switch (decide(reading, rule)) {
    case "none":
      return { headline: "This does not look like a number", note: "Write digits side by side." };
    case "doubt":
      return { headline: `Not sure: it may be ${number}`, note: `${written}${percent(confidence)} for the whole number.` };
    default:
      return { headline: `It is ${number}`, note: `${written}${certainty(confidence)}, ${percent(confidence)}.` };
  }
}

export function correctionMessage(entry) {
  const { label } = entry;
  return label && label !== textOf(entry) ? `, corrected to ${label === "none" ? "no digit" : label}` : "";
}

export function undoMessage(left) {
  return left ? "Entry removed." : "History cleared.";
}

// What the browser's storage does not hold of a history of `all` entries.
export function unsavedMessage(unsavedCount, all) {
  if (unsavedCount === 0) return "";
  if (unsavedCount === all) return "The browser keeps nothing: the history lasts until this page is closed.";
  const oldest = unsavedCount === 1 ? "the oldest entry lasts" : `the oldest ${unsavedCount} entries last`;
  return `The browser’s storage is full: ${oldest} only until this page is closed.`;
}

export const NOTHING_DRAWN = {
  headline: "Nothing drawn yet",
  note: "Write a digit from 0 to 9. The answer appears while you write.",
};

export const NO_NUMBER_DRAWN = { headline: "Nothing drawn yet", note: "Write several digits beside each other." };

export const SLOW = "The answer takes longer than usual. It is still on its way.";

// What passes by itself is the same everywhere; what happens next is the place's to say.
const TRANSIENT = {
  offline: ["You are offline", ""],
  unreachable: ["The server does not answer", ""],
  slow: ["The server is slow", "It gave no answer in time. "],
  "rate-limited": ["Too many questions at once", "The server asks for a short break. "],
  unavailable: ["The model is not ready", "The server is up, its model is not. "],
};
const DRAWING = {
  next: "Your drawing is kept, and read as soon as it can be.",
  blank: ["Too little to read", "A dot is no digit yet. Go on writing."],
  refused: ["Too much ink", "Clear the paper and write less."],
  "too-large": ["Too much ink", "The server does not take a drawing this large. Clear the paper and write less."],
};
const PICTURE = {
  next: "It is read as soon as it can be.",
  blank: ["Nothing on it", "The picture looks blank. Try a darker or a closer one."],
  "too-large": ["Too large", "Make the picture smaller. 1,000 pixels are plenty."],
  "not-image": ["Not a picture", "Choose a PNG, JPEG, WebP, BMP, GIF or TIFF file."],
  unreadable: ["Cannot be read", "The file is empty, broken or no longer there. Save it again, and choose it anew."],
};
const CARD = { next: "Try again in a moment." };

export const drawingErrorMessage = (failure) => errorMessage(DRAWING, failure);
export const uploadErrorMessage = (failure) => errorMessage(PICTURE, failure);
export const cardErrorMessage = (failure) => errorMessage(CARD, failure);

function errorMessage(known, { kind, requestId }) {
  if (kind in TRANSIENT) {
    const [headline, why] = TRANSIENT[kind];
    return { headline, note: why + known.next };
  }
  const request = requestId ? ` Request ${requestId}.` : "";
  const [headline, note] = known[kind] ?? ["Something went wrong here", `The fault is ours.${request}`];
  return { headline, note };
}
