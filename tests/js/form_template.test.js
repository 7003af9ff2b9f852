import assert from "node:assert/strict";
import { test } from "node:test";

import * as template from "../../static/js/forms/template.js";

const FORM = {
  version: 1, name: "", reference: null,
  fields: { a: { box: [0, 0, 50, 20] }, marks: { kind: "grid", box: [0, 30, 50, 20], rows: 1, columns: 2, required: false }, b: { box: [0, 60, 50, 20], length: 2 } },
  rules: [{ kind: "sum", fields: ["a", "marks[1][2]"], total: "b" }, { kind: "luhn", field: "a" }],
};
const PAGE = [100, 200];

test("a new field has a name that no other has", () => {
  const empty = template.newTemplate("x", null);
  const [one, first] = template.addField(empty, { box: [0, 0, 9, 9] });
  assert.deepEqual([first, empty.fields], ["field_1", {}]);
  const [, second] = template.addField(template.removeField(template.addField(one, { box: [0, 20, 9, 9] })[0], "field_1"), {});
  assert.equal(second, "field_3");
});

test("another kind has its own sizes and not those of the kind before", () => {
  const comb = template.changeField(FORM, "marks", { kind: "comb" });
  assert.deepEqual(comb.fields.marks, { kind: "comb", box: [0, 30, 50, 20], boxes: 6, required: false });
  const number = template.changeField(comb, "marks", { kind: "number", required: undefined });
  assert.deepEqual(number.fields.marks, { kind: "number", box: [0, 30, 50, 20] });
  assert.equal(FORM.fields.marks.rows, 1, "the template before is as it was");
});

test("a field has one constraint at most", () => {
  assert.equal(template.constraintOf(FORM.fields.b), "length");
  const { fields } = template.setConstraint(FORM, "b", "choices", ["1", "2"]);
  assert.deepEqual(fields.b, { box: [0, 60, 50, 20], choices: ["1", "2"] });
  assert.equal(template.constraintOf(template.setConstraint(FORM, "b", "", "").fields.b), "");
});

test("rules follow the name of a field, and of a grid's boxes", () => {
  const renamed = template.renameField(template.renameField(FORM, "marks", "notes"), "a", "x");
  assert.deepEqual(Object.keys(renamed.fields), ["x", "notes", "b"], "in their order");
  assert.deepEqual(renamed.rules, [{ kind: "sum", fields: ["x", "notes[1][2]"], total: "b" }, { kind: "luhn", field: "x" }]);
  for (const taken of ["", "b", "a"]) assert.equal(template.renameField(FORM, "a", taken), FORM);
});

test("a field goes with the rules that need it", () => {
  assert.deepEqual(template.removeField(FORM, "marks").rules, [{ kind: "sum", fields: ["a"], total: "b" }, { kind: "luhn", field: "a" }]);
  assert.deepEqual(template.removeField(FORM, "b").rules, [{ kind: "luhn", field: "a" }]);
  assert.deepEqual(template.removeField(template.removeField(FORM, "marks"), "a").rules, []);
});

test("a record has a cell for each field and each box of a grid", () => {
  assert.deepEqual(template.cellsOf(template.newTemplate("", null)), []);
  assert.deepEqual(template.cellsOf(FORM).map(({ name, required }) => `${name} ${required}`), ["a true", "marks[1][1] false", "marks[1][2] false", "b true"]);
});

test("a box stays on the page and is not too small", () => {
  assert.deepEqual(template.clampBox([-5, 195, 20, 20], PAGE), [0, 180, 20, 20]);
  assert.deepEqual(template.clampBox([10.4, 10.6, 1, 500], PAGE), [10, 0, 8, 200]);
  assert.deepEqual(template.boxBetween([90, 20], [-30, 60], PAGE), [0, 20, 90, 40], "drawn to the left, over the edge");
  assert.deepEqual(template.boxBetween([5, 5], [5, 5], PAGE), [5, 5, 8, 8]);
});

test("boxes are in pixels of the picture as it is shown", () => {
  assert.deepEqual(template.inPixels(FORM, { size: PAGE, scale: 1 }), FORM);
  const form = (box) => ({ ...template.newTemplate("", null), fields: { a: { box } } });
  assert.deepEqual(template.inPixels(form([0.1, 0.1, 0.5, 0.5]), { size: PAGE, scale: 1 }).fields.a.box, [10, 20, 50, 100]);
  assert.deepEqual(template.inPixels(form([40, 80, 100, 200]), { size: PAGE, scale: 0.5 }).fields.a.box, [20, 40, 50, 100], "of one that was reduced");
});

test("a file that is no template is rejected", () => {
  for (const text of ["[]", "7", "{}", '{"fields": {"a": {}}}', '{"fields": {"a": {"box": [1, 2, 3]}}}']) {
    assert.throws(() => template.wholeTemplate(JSON.parse(text)), undefined, text);
  }
  assert.deepEqual(template.wholeTemplate({ fields: { a: { box: [1, 2, 3, 4] } } }).rules, []);
});
