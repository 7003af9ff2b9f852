// A drawing as a file: JSON with the format's name and version, checked when it comes back.

import { isStroke } from "./drawing.js";

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
  if (format !== FORMAT) throw fault("a drawing saved on this page", "another file");
  if (version !== VERSION) throw fault(`version ${VERSION} of a drawing`, `${version}. Reload this page and try again`);
  if (!Array.isArray(strokes) || !strokes.length || !strokes.every(isStroke)) {
    throw fault("a drawing with strokes", "a damaged one. Save it again");
  }
  if (strokes.flatMap(({ points }) => points).length > MOST_POINTS) throw fault(`at most ${MOST_POINTS} points`, "more");
  return strokes.map(({ width, points }) => ({ width, points }));
}

function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    throw fault("a drawing saved on this page", "a file that is no JSON");
  }
}

function fault(expected, received) {
  return new DrawingFileError(`Expected ${expected}. Received: ${received}.`);
}
