import assert from "node:assert/strict";
import { test } from "node:test";

import { recordOf } from "../../static/js/forms/records.js";
import { rowsOf, toCsv, toJson } from "../../static/js/forms/table_rows.js";
import { toXlsx } from "../../static/js/forms/xlsx.js";

const CELLS = [{ name: "a", required: true }, { name: "b", required: true }];
const field = (text, accepted) => ({ text, transcript: text, confidence: 0.5, accepted });
const ANSWER = { fit: 0.9, violations: [{ fields: ["b"], message: "expected 3." }], fields: { a: field("007", true), b: field("1", false) } };
const PAGES = [
  { name: "=one.jpg", record: recordOf(ANSWER, "=one.jpg", CELLS), error: "" },
  { name: "two.jpg", record: null, error: "Not this form." },
];

test("a table without pages has its header", () => {
  assert.equal(toCsv([], CELLS), "file,checked,a,b,violations,error\r\n");
  assert.equal(toJson([], CELLS), "[]");
});

test("a row has the values, what is doubtful, and why a page was not read", () => {
  const [, one, two] = rowsOf(PAGES, CELLS);
  assert.deepEqual(one.map(({ value }) => value), ["=one.jpg", false, "007", "1", "expected 3.", ""]);
  assert.deepEqual(one.map(({ isDoubtful = false }) => isDoubtful), [false, true, false, true, false, false]);
  assert.deepEqual(two.map(({ value }) => value), ["two.jpg", false, "", "", "", "Not this form."]);
});

test("CSV keeps text that a spreadsheet would take for a formula", () => {
  assert.equal(toCsv(PAGES, CELLS).split("\r\n")[1], "'=one.jpg,false,007,1,expected 3.,");
});

test("JSON has what was read next to what stands there now", () => {
  const [one, two] = JSON.parse(toJson(PAGES, CELLS));
  assert.deepEqual(one.fields.b, { value: "1", text: "1", confidence: 0.5, needs_check: true, checked_at: null });
  assert.deepEqual(two, { file: "two.jpg", error: "Not this form." });
});

test("a workbook is a ZIP file with its directory at the end", () => {
  const file = toXlsx(rowsOf(PAGES, CELLS), "a/b: [c]");
  const view = new DataView(file.buffer);
  assert.equal(view.getUint32(0, true), 0x04034b50);
  const end = file.length - 22;
  assert.equal(view.getUint32(end, true), 0x06054b50);
  assert.equal(view.getUint16(end + 10, true), 6);
  assert.equal(view.getUint32(end + 16, true) + view.getUint32(end + 12, true), end);
  assert.deepEqual(toXlsx(rowsOf(PAGES, CELLS), "a/b: [c]"), file, "the same table is the same file");
  const text = new TextDecoder().decode(file);
  assert.ok(text.includes('<sheet name="a b   c" '));
  assert.ok(text.includes('t="inlineStr" s="1"><is><t xml:space="preserve">1</t>'));
});
