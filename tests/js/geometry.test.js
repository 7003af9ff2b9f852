import assert from "node:assert/strict";
import { test } from "node:test";

import { confusionCells, inkBox, placeOnDrawing, recallBars, reliabilityPoints } from "../../static/js/geometry.js";

test("the ink's box leaves out what is too faint to be ink", () => {
  const levels = Array(16).fill(0.05);
  levels[5] = 1;
  levels[10] = 0.5;
  assert.deepEqual(inkBox(levels, 4), { x: 1, y: 1, width: 2, height: 2 });
  assert.equal(inkBox(Array(16).fill(0), 4), null);
});

test("the ink's box lies on the strokes' own, widened by half the server's pen", () => {
  const ink = { x: 4, y: 4, width: 10, height: 20 };
  const bounds = { x: 100, y: 200, width: 400, height: 890 };
  const place = placeOnDrawing(ink, bounds, 28);
  const halfPen = 0.055 * 890;
  const scale = [place.width / 28, place.height / 28];
  assert.ok(Math.abs(place.x + ink.x * scale[0] - (100 - halfPen)) < 1e-9);
  assert.ok(Math.abs(place.y + (ink.y + ink.height) * scale[1] - (200 + 890 + halfPen)) < 1e-9);
});

test("a cell's fraction is of its row, and only the diagonal is right", () => {
  const cells = confusionCells([[8, 2], [0, 0]]);
  assert.deepEqual(cells.map(({ fraction }) => fraction), [0.8, 0.2, 0, 0]);
  assert.deepEqual(cells.map(({ right }) => right), [true, false, false, true]);
  assert.deepEqual([cells[1].x, cells[1].y], [1, 0]);
});

test("a calibrated bin is on the diagonal, and more predictions make a larger dot", () => {
  const [few, many] = reliabilityPoints([{ predictions: 1, confidence: 0.25, accuracy: 0.25 }, { predictions: 900, confidence: 1, accuracy: 1 }], 100);
  assert.deepEqual([few.x, few.y], [25, 75]);
  assert.deepEqual([many.x, many.y], [100, 0]);
  assert.ok(few.radius > 0 && few.radius < many.radius);
});

test("the recall's bars begin below the lowest", () => {
  const { floor, bars } = recallBars([1, 0.989]);
  assert.equal(floor, 0.97);
  assert.equal(bars[0].length, 1);
  assert.ok(Math.abs(bars[1].length - 0.019 / 0.03) < 1e-9);
});
