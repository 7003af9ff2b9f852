import assert from "node:assert/strict";
import { test } from "node:test";

import { Part } from "../../static/js/part.js";

test("a part tells others what happened where there is no CustomEvent: Node 18 has none", () => {
  const { CustomEvent } = globalThis;
  delete globalThis.CustomEvent;
  try {
    const [part, heard] = [new Part(), []];
    part.addEventListener("answer", ({ detail }) => heard.push(detail));
    part.fire("answer", 7);
    part.fire("answer");
    assert.deepEqual(heard, [7, undefined]);
  } finally {
    globalThis.CustomEvent = CustomEvent;
  }
});
