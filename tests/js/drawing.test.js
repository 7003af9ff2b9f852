import assert from "node:assert/strict";
import { test } from "node:test";

import * as drawings from "../../static/js/drawing.js";

const line = (width = 62) => drawings.extend(drawings.begin(drawings.EMPTY, width, [10, 20]), [[30, 40], [50, 60]]);

const clear = (drawing) => drawings.replaced(drawing, []);

test("an empty drawing has nothing to undo, redo or clear", () => {
  for (const step of [drawings.undo, drawings.redo, clear]) {
    assert.equal(step(drawings.EMPTY), drawings.EMPTY);
  }
});

test("a drawing never changes", () => {
  const before = line();
  const strokes = before.strokes;
  drawings.extend(before, [[99, 99]]);
  clear(before);
  assert.equal(before.strokes, strokes);
  assert.throws(() => before.strokes.push("more"), TypeError);
  assert.throws(() => before.strokes[0].points.push([1, 1]), TypeError);
});

test("undo takes back a whole stroke, and redo brings it again", () => {
  const two = drawings.begin(line(), 62, [70, 80]);
  const one = drawings.undo(two);
  assert.deepEqual(one.strokes, line().strokes);
  assert.deepEqual(drawings.redo(one).strokes, two.strokes);
  assert.deepEqual(drawings.undo(one).strokes, []);
});

test("clear can be undone", () => {
  const cleared = clear(line());
  assert.deepEqual(cleared.strokes, []);
  assert.deepEqual(drawings.undo(cleared).strokes, line().strokes);
});

test("a new stroke ends what could be redone", () => {
  const undone = drawings.undo(line());
  assert.deepEqual(drawings.begin(undone, 62, [1, 1]).future, []);
});

test("points closer than the nearest that counts are left out", () => {
  const drawing = drawings.extend(drawings.begin(drawings.EMPTY, 62, [0, 0]), [[1, 0], [2, 0], [6, 0]], 3);
  assert.deepEqual(drawing.strokes[0].points, [[0, 0], [6, 0]]);
  assert.deepEqual(drawings.extend(drawing, [[7, 0]], 3).strokes, drawing.strokes);
});

test("each stroke keeps its own width, and the endpoint gets points alone", () => {
  const drawing = drawings.begin(line(40), 94, [0, 0.06]);
  assert.deepEqual(drawing.strokes.map(({ width }) => width), [40, 94]);
  assert.deepEqual(drawings.pointsOf(drawing.strokes), [[[10, 20], [30, 40], [50, 60]], [[0, 0.1]]]);
});

test("the bounds hold every point", () => {
  assert.deepEqual(drawings.boundsOf(drawings.pointsOf(line().strokes).flat()), { x: 10, y: 20, width: 40, height: 40 });
});
