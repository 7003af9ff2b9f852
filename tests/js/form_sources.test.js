import assert from "node:assert/strict";
import test from "node:test";

import { fromStored, fromTemplate } from "../../static/js/forms/sources.js";

const template = { version: 1, fields: { a: { box: [0, 0, 9, 9] } } };

test("a template without a picture says what to do", async () => {
  for (const reference of [undefined, null, "blank.png"]) {
    await assert.rejects(async () => fromStored({ template: { ...template, reference } }), /has no picture inside/);
    const json = new Blob([JSON.stringify({ ...template, reference })]);
    await assert.rejects(fromTemplate(json), /has no picture inside/);
  }
});
