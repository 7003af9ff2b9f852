import assert from "node:assert/strict";
import { test } from "node:test";

import { DrawingFileError, FORMAT, readDrawing, VERSION, writeDrawing } from "../../static/js/drawing_file.js";

const STROKES = [{ width: 62, points: [[1, 2], [3.5, 4]] }];
const file = (changes) => JSON.stringify({ format: FORMAT, version: VERSION, strokes: STROKES, ...changes });

test("what was written is read again", () => {
  assert.deepEqual(readDrawing(writeDrawing(STROKES)), STROKES);
});

test("what the format does not know is left out", () => {
  const strokes = [{ ...STROKES[0], colour: "red" }];
  assert.deepEqual(readDrawing(file({ strokes, author: "me" })), STROKES);
});

for (const [name, text] of [
  ["no JSON", "hello"],
  ["null", "null"],
  ["another format", file({ format: "other" })],
  ["a later version", file({ version: 2 })],
  ["no strokes", file({ strokes: [] })],
  ["a stroke without points", file({ strokes: [{ width: 62, points: [] }] })],
  ["a stroke without width", file({ strokes: [{ points: [[1, 2]] }] })],
  ["a width of nothing", file({ strokes: [{ width: 0, points: [[1, 2]] }] })],
  ["a point of three", file({ strokes: [{ width: 62, points: [[1, 2, 3]] }] })],
  ["a point of words", file({ strokes: [{ width: 62, points: [["1", 2]] }] })],
  ["a point that is a word", file({ strokes: [{ width: 62, points: ["ab"] }] })],
  ["a point far outside", file({ strokes: [{ width: 62, points: [[1e9, 2]] }] })],
  ["too many points", file({ strokes: [{ width: 62, points: Array(20_001).fill([1, 2]) }] })],
]) {
  test(`a file with ${name} is rejected in words`, () => {
    assert.throws(() => readDrawing(text), (error) => error instanceof DrawingFileError && error.message.startsWith("Expected"));
  });
}
