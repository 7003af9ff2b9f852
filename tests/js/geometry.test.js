import assert from "node:assert/strict";
import { test } from "node:test";

import { confusionCells, inkBox, placeOnDrawing, recallBars, reliabilityPoints, sheetView } from "../../static/js/geometry.js";

const line = (...points) => [{ width: 40, points }];

test("a sheet has a thousand units on its shorter side while the ink fits", () => {
  const own = { scale: 0.3, x: 0, y: 0 };
  assert.deepEqual(sheetView(600, 300, []), own);
  assert.deepEqual(sheetView(600, 300, line([20, 20], [1980, 980])), own);
});

test("ink that would be out of sight is made smaller and stands in the middle", () => {
  const { scale, x, y } = sheetView(300, 600, line([20, 500], [1980, 500]));
  assert.ok(Math.abs(scale - (0.92 * 300) / 2000) < 1e-9);
  assert.ok(x < 0 && 2000 - x <= 300 / scale + 1e-9);
  assert.ok(Math.abs(y + 600 / scale / 2 - 500) < 1e-9);
});

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
  const bins = [[2, 0.1, 1], [100, 0.25, 0.25], [900, 1, 1]].map(([predictions, confidence, accuracy]) => ({ predictions, confidence, accuracy }));
  const [few, many, ...others] = reliabilityPoints(bins, 100);
  assert.equal(others.length, 0); // a bin of two predictions says nothing
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
