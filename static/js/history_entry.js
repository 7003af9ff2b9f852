// What an entry of the history may hold: the storage outlives versions of the page, and others may write there.

import { isReading } from "./decision.js";
import { isStroke } from "./drawing.js";

const isText = (value) => typeof value === "string";
const isProbability = (value) => typeof value === "number" && value >= 0 && value <= 1;
const isDigit = (value) => Number.isInteger(value) && value >= 0 && value <= 9;
const isList = (value, isItem) => Array.isArray(value) && value.every(isItem);
const ofDigit = (fits) => (value, entry) => isReading(entry) || fits(value);

const FIELDS = {
  id: isText, at: isText, name: isText, model: isText, confidence: isProbability,
  source: (source) => source === "drawing" || source === "picture",
  strokes: (strokes, { source }) => source === "picture" || (isList(strokes, isStroke) && strokes.length > 0),
  thumb: (thumb, { source }) => source === "drawing" || isText(thumb),
  ink: ofDigit(isText),
  digit: ofDigit(isDigit),
  probabilities: ofDigit((values) => isList(values, isProbability) && values.length === 10),
  reason: (reason) => [undefined, null, "several_digits", "no_digit", "low_confidence"].includes(reason),
  threshold: (threshold) => threshold === undefined || isProbability(threshold),
  text: (text) => text === undefined || isText(text),
  transcript: (transcript) => transcript === undefined || isText(transcript),
  digits: (digits, entry) => !isReading(entry) || isList(digits, (one) => isDigit(one?.digit) && isProbability(one.confidence)),
  label: (label) => isText(label) && /^(\d*|none)$/.test(label),
};

export function isEntry(entry) {
  return Boolean(entry) && Object.entries(FIELDS).every(([field, fits]) => fits(entry[field], entry));
}
