// Where things stand: the sheet's view of its drawing, and the 28x28 ink on it.

import { boundsOf, inkBounds, PAPER } from "./drawing.js";

const EDGE_OF_INK = 0.06; // as the server's own: fainter pixels are no part of the digit
const ROOM_AROUND = 0.92; // of a sheet, for ink that is made smaller
const HALF_PEN = 0.055; // the server draws with a pen of 0.11 of the drawing's longer side

// Where a drawing stands on a sheet of so many pixels, { scale, x, y }: pixels to a unit, and what is in the upper left
// corner. Its own scale is a thousand units on the shorter side; ink that would be out of sight is made smaller.
export function sheetView(widthPx, heightPx, strokes) {
  const own = { scale: Math.min(widthPx, heightPx) / PAPER, x: 0, y: 0 };
  if (strokes.length === 0) return own;
  const { x, y, width, height } = inkBounds(strokes);
  if (x >= 0 && y >= 0 && (x + width) * own.scale <= widthPx && (y + height) * own.scale <= heightPx) return own;
  const scale = Math.min(own.scale, (ROOM_AROUND * widthPx) / width, (ROOM_AROUND * heightPx) / height);
  return { scale, x: x + (width - widthPx / scale) / 2, y: y + (height - heightPx / scale) / 2 };
}

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
