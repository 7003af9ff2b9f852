import assert from "node:assert/strict";
import { test } from "node:test";

import { outline } from "../../static/js/pen_line.js";

// The box of all numbers of a path, [left, top, right, bottom].
function boxOf(path) {
  const numbers = path.match(/-?[\d.]+/g).map(Number);
  const [columns, rows] = [0, 1].map((rest) => numbers.filter((_, index) => index % 2 === rest));
  return [Math.min(...columns), Math.min(...rows), Math.max(...columns), Math.max(...rows)];
}

test("a single point is a dot of about the pen's width", () => {
  const [left, top, right, bottom] = boxOf(outline({ width: 40, points: [[300, 400]] }));
  assert.ok(Math.abs(right - left - 40) < 10 && Math.abs(bottom - top - 40) < 10, [left, top, right, bottom].join());
  assert.ok(Math.abs((left + right) / 2 - 300) < 2 && Math.abs((top + bottom) / 2 - 400) < 2);
});

test("a line reaches both of its ends and is closed", () => {
  const points = Array.from({ length: 21 }, (_, index) => [100 + index * 20, 500]);
  const path = outline({ width: 40, points });
  const [left, top, right, bottom] = boxOf(path);
  assert.ok(left <= 101 && right >= 499);
  assert.ok(bottom - top > 20 && bottom - top < 60);
  assert.match(path, /^M.*Z$/);
});

test("nothing in a path is no number", () => {
  assert.doesNotMatch(outline({ width: 20, points: [[0, 0], [0, 0], [5, 5]] }), /NaN|undefined|e-/);
});
