import assert from "node:assert/strict";
import { test } from "node:test";

import { inkBox, placeOnDrawing, sheetView } from "../../static/js/geometry.js";

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
