import assert from "node:assert/strict";
import { test } from "node:test";

import { EXAMPLE, snippets } from "../../static/js/snippets.js";

test("each language asks this host for this drawing", () => {
  const made = snippets([[[1.26, 2], [3, 4]]], "https://digits.example/api/v1/predict", "digit");
  assert.deepEqual(made.map(({ name }) => name), ["curl", "Python", "JavaScript"]);
  for (const { code } of made) {
    assert.ok(code.includes("https://digits.example/api/v1/predict"));
    assert.ok(code.includes("[[[1,2],[3,4]]]"));
  }
  assert.ok(made[1].code.includes('answer["digit"]') && made[2].code.includes("answer.digit,"));
});

test("the example is a drawing", () => {
  assert.ok(EXAMPLE.flat().every((point) => point.length === 2));
});
