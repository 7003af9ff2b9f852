// A drawing as a file: JSON with the format's name and version, checked when it comes back.

import { isStroke } from "./drawing.js";
import { decimal, t } from "./texts.js";

export const FORMAT = "digitrec drawing";
export const VERSION = 1;
const MOST_POINTS = 20_000; // as many as the endpoint takes

export class DrawingFileError extends Error {}

export function writeDrawing(strokes) {
  return JSON.stringify({ format: FORMAT, version: VERSION, strokes });
}

// Returns the strokes in `text`, or throws a DrawingFileError that says what was expected.
export function readDrawing(text) {
  const { format, version, strokes } = parsed(text);
  if (format !== FORMAT) throw fault(t("a drawing saved on this page"), t("another file"));
  if (version !== VERSION) throw fault(t("version {version} of a drawing", { version: VERSION }), t("{version}. Reload this page and try again", { version }));
  if (!Array.isArray(strokes) || !strokes.length || !strokes.every(isStroke)) {
    throw fault(t("a drawing with strokes"), t("a damaged one. Save it again"));
  }
  if (strokes.flatMap(({ points }) => points).length > MOST_POINTS) {
    throw fault(t("at most {count} points", { count: decimal(MOST_POINTS) }), t("more"));
  }
  return strokes.map(({ width, points }) => ({ width, points }));
}

function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    throw fault(t("a drawing saved on this page"), t("a file that is no JSON"));
  }
}

export function fault(expected, received) {
  return new DrawingFileError(t("Expected {expected}. Received: {received}.", { expected, received }));
}
