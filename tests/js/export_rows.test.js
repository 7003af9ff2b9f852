import assert from "node:assert/strict";
import { test } from "node:test";

import { toCsv, toJson, toStrokeLines } from "../../static/js/export_rows.js";

const RULE = { threshold: 0.6, numberThreshold: 0.6 };
const DRAWING = {
  id: "1", at: "2026-11-21T10:00:00.000Z", source: "drawing", name: "", strokes: [{ width: 62, points: [[1, 2], [3, 4]] }],
  ink: "data:,", digit: 7, confidence: 0.91, probabilities: [0, 0, 0, 0, 0, 0, 0, 0.91, 0.09, 0], reason: null, model: "digitrec 1", label: "",
};
const PICTURE = { ...DRAWING, id: "2", source: "picture", name: 'a, "b".png', strokes: undefined, thumb: "data:,", confidence: 0.5, label: "4" };

test("JSON tells what was seen, said and corrected", () => {
  const [drawing, picture] = JSON.parse(toJson([DRAWING, PICTURE], () => RULE));
  assert.equal(drawing.time, DRAWING.at);
  assert.deepEqual(drawing.strokes, [[[1, 2], [3, 4]]]);
  assert.deepEqual([drawing.digit, drawing.verdict, drawing.accepted, drawing.reason, drawing.label], [7, "accepted", true, null, ""]);
  assert.deepEqual([picture.verdict, picture.accepted, picture.reason, picture.label, picture.strokes], ["doubtful", false, "low_confidence", "4", undefined]);
});

test("CSV has a column for each of the header's names, quoted where needed", () => {
  const [header, drawing, picture] = toCsv([DRAWING, PICTURE], () => RULE).trimEnd().split("\r\n");
  assert.equal(header.split(",").length, 22);
  assert.equal(drawing.split(",").length, 22);
  assert.ok(picture.includes('"a, ""b"".png"'));
});

test("a number is exported with its digits, and is no line for training", () => {
  const number = { ...DRAWING, digit: undefined, probabilities: undefined, ink: undefined, text: "07", transcript: "0.7", digits: [{ digit: 0, confidence: 0.9 }, { digit: 7, confidence: 0.99 }], label: "01" };
  const [row] = JSON.parse(toJson([number], () => RULE));
  assert.deepEqual([row.text, row.transcript, row.digit, row.label, row.digits.length, row.strokes.length], ["07", "0.7", undefined, "01", 2, 1]);
  const [header, line] = toCsv([number], () => RULE).trimEnd().split("\r\n").map((text) => text.split(","));
  assert.deepEqual([header.length, line.length], [22, 22]);
  assert.deepEqual(["digit", "text", "transcript", "label", "probability_7"].map((name) => line[header.indexOf(name)]), ["", "07", "0.7", "01", ""]);
  assert.equal(toStrokeLines([number, { ...number, label: "7" }], () => RULE), "");
});

test("a file's name cannot become a spreadsheet's formula", () => {
  for (const sign of ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]) {
    const csv = toCsv([{ ...PICTURE, name: `${sign}1+1.png` }], () => RULE);
    assert.match(csv, new RegExp(`,"?'[${sign}]1\\+1\\.png"?,`));
  }
});

test("what looks like no digit is no line of its own under a threshold that accepts it", () => {
  const sign = { ...DRAWING, confidence: 0.1, probabilities: Array(10).fill(0.1), reason: "no_digit" };
  assert.equal(toStrokeLines([sign], () => ({ ...RULE, threshold: 0 })), "");
  const [row] = JSON.parse(toJson([sign], () => ({ ...RULE, threshold: 0 })));
  assert.deepEqual([row.accepted, row.verdict, row.reason], [false, "rejected", "no_digit"]);
});

test("strokes are exported under the person's label, else under an accepted answer", () => {
  const unsure = { ...DRAWING, confidence: 0.4 };
  const labels = toStrokeLines([DRAWING, { ...DRAWING, label: "1" }, unsure, { ...unsure, label: "9" }, { ...DRAWING, label: "none" }, PICTURE], () => RULE)
    .trimEnd().split("\n").map((line) => JSON.parse(line).label);
  assert.deepEqual(labels, ["7", "1", "9"]);
});
