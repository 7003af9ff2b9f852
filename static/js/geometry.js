// Where things stand: the 28x28 ink on its drawing, and the marks of the charts.

import { boundsOf } from "./drawing.js";

const EDGE_OF_INK = 0.06; // as the server's own: fainter pixels are no part of the digit
const HALF_PEN = 0.055; // the server draws with a pen of 0.11 of the drawing's longer side

// The box around the ink, { x, y, width, height } in its pixels, or null; `levels` is its pixels, row by row, 0 to 1.
export function inkBox(levels, side) {
  const inked = [...levels.keys()].filter((index) => levels[index] > EDGE_OF_INK);
  if (inked.length === 0) return null;
  const { x, y, width, height } = boundsOf(inked.map((index) => [index % side, Math.floor(index / side)]));
  return { x, y, width: width + 1, height: height + 1 };
}

// The place of the whole ink image, in the drawing's units, so that its ink lies on the strokes' own.
export function placeOnDrawing(ink, bounds, side) {
  const halfPen = HALF_PEN * Math.max(bounds.width, bounds.height);
  const [scaleX, scaleY] = [(bounds.width + 2 * halfPen) / ink.width, (bounds.height + 2 * halfPen) / ink.height];
  const [x, y] = [bounds.x - halfPen - ink.x * scaleX, bounds.y - halfPen - ink.y * scaleY];
  return { x, y, width: side * scaleX, height: side * scaleY };
}

// The cells of a confusion matrix, { x, y, count, fraction, right }: x is the answer, y the true digit, fraction that of the
// row, so that rare digits show as much as frequent ones.
export function confusionCells(confusion) {
  return confusion.flatMap((row, y) => {
    const total = Math.max(1, row.reduce((sum, count) => sum + count));
    return row.map((count, x) => ({ x, y, count, fraction: count / total, right: x === y }));
  });
}

// The points of a reliability diagram in a square of `side`, y downwards. A point's area is its number of predictions, within
// bounds that keep the few visible.
export function reliabilityPoints(bins, side) {
  const most = Math.max(...bins.map(({ predictions }) => predictions));
  return bins.map(({ predictions, confidence, accuracy }) => {
    const radius = side * (0.014 + 0.03 * Math.sqrt(predictions / most));
    return { x: confidence * side, y: (1 - accuracy) * side, radius, predictions };
  });
}

// Bars for values that are all close to 1: from `floor`, the next 1 % below the lowest, to 1.
export function recallBars(recall) {
  const floor = Math.max(0, Math.floor(Math.min(...recall) * 100 - 1) / 100);
  return { floor, bars: recall.map((fraction, digit) => ({ digit, fraction, length: (fraction - floor) / (1 - floor) })) };
}
