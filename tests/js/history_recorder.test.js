import assert from "node:assert/strict";
import { test } from "node:test";

import * as drawings from "../../static/js/drawing.js";
import { History } from "../../static/js/history.js";
import { entryOf, HistoryRecorder, thumbnailSize } from "../../static/js/history_recorder.js";

const RULE = { threshold: 0.6, numberThreshold: 0.7 };
const answer = (digit) => ({
  digit, confidence: 0.9, probabilities: Array(10).fill(0.1), normalized_image: "data:,", model: { name: "digitrec", version: "1" },
});

// Records each of `answers`, [drawing, digit], and returns the history's digits, newest first.
function recorded(...answers) {
  const history = new History({ put: async () => {} });
  const recorder = new HistoryRecorder(history, () => RULE);
  for (const [drawing, digit] of answers) recorder.drawing(drawing.strokes, answer(digit));
  return history.entries.map(({ digit }) => digit);
}

const one = drawings.begin(drawings.EMPTY, 62, [10, 20]);
const two = drawings.begin(one, 62, [70, 80]);
const cleared = drawings.replaced(two, []);
const other = drawings.begin(cleared, 62, [10, 20]);

test("a drawing that goes on, goes back or comes back stays one entry", () => {
  assert.deepEqual(recorded([one, 1], [two, 4], [drawings.undo(two), 1], [drawings.undo(cleared), 4]), [4]);
});

test("a drawing begun after clear is another entry, and undo returns to the first", () => {
  assert.deepEqual(recorded([two, 4], [other, 1]), [1, 4]);
  assert.deepEqual(recorded([two, 4], [other, 1], [drawings.undo(drawings.undo(other)), 4]), [4, 1]);
});

test("an entry's drawing on the paper again is that entry, and what undo brings back is not", () => {
  const history = new History({ put: async () => {} });
  const recorder = new HistoryRecorder(history, () => RULE);
  recorder.drawing(one.strokes, answer(7));
  recorder.drawing(other.strokes, answer(1));
  const seven = history.entries[1];
  const reopened = drawings.replaced(other, structuredClone(seven.strokes)); // as from the storage
  recorder.resume({ ...seven, strokes: reopened.strokes });
  recorder.drawing(reopened.strokes, answer(7));
  assert.equal(history.entries.length, 2);
  recorder.drawing(drawings.undo(reopened).strokes, answer(1));
  assert.deepEqual(history.entries.map(({ digit }) => digit), [1, 7]);
});

test("what the person says of a drawing is its label, and an entry that was removed comes back with it", () => {
  const history = new History({ put: async () => {}, remove: async () => {} });
  const recorder = new HistoryRecorder(history, () => RULE);
  recorder.drawing(one.strokes, answer(7));
  recorder.labelDrawing(one.strokes, answer(7), "1");
  assert.deepEqual(history.entries.map(({ label }) => label), ["1"]);
  history.clear();
  recorder.labelDrawing(one.strokes, answer(7), "7");
  assert.deepEqual(history.entries.map(({ digit, label }) => [digit, label]), [[7, "7"]]);
});

test("a picture's label goes to the entry of its file and kind", async () => {
  const history = new History({ put: async () => {} });
  const recorder = new HistoryRecorder(history, () => RULE);
  const file = { name: "a.png", size: 9, lastModified: 1 };
  await recorder.picture(file, answer(7));
  await recorder.picture({ ...file, size: 8 }, answer(7));
  await recorder.labelPicture(file, answer(7), "1");
  assert.deepEqual(history.entries.map(({ label }) => label).sort(), ["", "1"]);
  await recorder.labelPicture({ ...file, name: "b.png" }, answer(4), "9");
  assert.equal(history.entries.find(({ name }) => name === "b.png").label, "9");
  await recorder.picture(file, { ...answer(), text: "7", transcript: "7", digits: [] });
  assert.deepEqual(history.entries.map(({ name, digit }) => [name, digit]), [["a.png", undefined], ["b.png", 4], ["a.png", 7], ["a.png", 7]]);
});

test("an entry of a number keeps what stands on the paper", () => {
  const digits = [{ digit: 7, confidence: 0.9, box: [0, 0, 9, 9], probabilities: [] }];
  const { text, transcript } = entryOf({ ...answer(), text: "7", transcript: "7=", digits }, RULE);
  assert.deepEqual([text, transcript], ["7", "7="]);
});

test("a thumbnail keeps its picture's shape, and small ones their size", () => {
  assert.deepEqual(thumbnailSize({ width: 960, height: 1280 }, 148), { width: 111, height: 148 });
  assert.deepEqual(thumbnailSize({ width: 4000, height: 1000 }, 296), { width: 296, height: 74 });
  assert.deepEqual(thumbnailSize({ width: 28, height: 28 }, 148), { width: 28, height: 28 });
  assert.deepEqual(thumbnailSize({ width: 1, height: 10_000 }, 148), { width: 1, height: 148 }, "no side is nothing");
});
