import assert from "node:assert/strict";
import { test } from "node:test";

import { pathData } from "../../static/js/drawing.js";

test("a single point is a dot, by a line that a canvas does not drop", () => {
  assert.equal(pathData([[3, 4]]), "M3,4h.1");
});

test("two points are a straight line that reaches the second", () => {
  assert.equal(pathData([[0, 0], [10, 0]]), "M0,0Q10,0 10,0");
});

test("the curve goes through the middles of the segments and ends at the last point", () => {
  assert.equal(pathData([[0, 0], [10, 0], [10, 10]]), "M0,0Q10,0 10,5Q10,10 10,10");
});
