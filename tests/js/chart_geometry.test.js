import assert from "node:assert/strict";
import { test } from "node:test";

import { confusionCells, mergedBins, recallBars, reliabilityPoints, wilsonInterval } from "../../static/js/model/chart_geometry.js";

const bins = (...rows) => rows.map(([predictions, confidence, accuracy]) => ({ predictions, confidence, accuracy }));

test("a cell's fraction is of its row, and only the diagonal is right", () => {
  const cells = confusionCells([[8, 2], [0, 0]]);
  assert.deepEqual(cells.map(({ fraction }) => fraction), [0.8, 0.2, 0, 0]);
  assert.deepEqual(cells.map(({ right }) => right), [true, false, false, true]);
  assert.deepEqual([cells[1].x, cells[1].y], [1, 0]);
});

test("the interval is the server's own, and has a width at 100 %", () => {
  const [low, high] = wilsonInterval(0.9967, 10_000);
  assert.deepEqual([low.toFixed(4), high.toFixed(4)], ["0.9954", "0.9976"]);
  assert.deepEqual(wilsonInterval(1, 10).map((bound) => bound.toFixed(3)), ["0.722", "1.000"]);
});

test("bins of few predictions go together, so that one wrong answer does not look like a failure", () => {
  const [few, many, ...others] = mergedBins(bins([2, 0.2, 0.5], [8, 0.3, 1], [30, 0.6, 0.5], [900, 0.9, 0.95], [24, 0.99, 1]));
  assert.deepEqual(others, []);
  assert.equal(few.predictions, 40);
  assert.ok(Math.abs(few.accuracy - (1 + 8 + 15) / 40) < 1e-9);
  assert.ok(Math.abs(few.confidence - (0.4 + 2.4 + 18) / 40) < 1e-9);
  assert.equal(many.predictions, 924);
  assert.deepEqual(mergedBins(bins([3, 0.5, 1])).map(({ predictions }) => predictions), [3]);
  assert.deepEqual(mergedBins([]), []);
});

test("a calibrated bin is on the diagonal, inside its interval", () => {
  const [point] = reliabilityPoints(bins([100, 0.25, 0.25]), 100);
  assert.deepEqual([point.x, point.y], [25, 75]);
  assert.ok(point.high < point.y && point.y < point.low, "upwards is less");
});

test("the recall's bars begin below the lowest", () => {
  const { floor, bars } = recallBars([1, 0.989]);
  assert.equal(floor, 0.97);
  assert.equal(bars[0].length, 1);
  assert.ok(Math.abs(bars[1].length - 0.019 / 0.03) < 1e-9);
});
