import assert from "node:assert/strict";
import { test } from "node:test";

import { Component } from "../../static/js/component.js";

test("a part tells others what happened where there is no CustomEvent: Node 18 has none", () => {
  const { CustomEvent } = globalThis;
  delete globalThis.CustomEvent;
  try {
    const [part, heard] = [new Component(), []];
    part.addEventListener("answer", ({ detail }) => heard.push(detail));
    part.emit("answer", 7);
    part.emit("answer");
    assert.deepEqual(heard, [7, undefined]);
  } finally {
    globalThis.CustomEvent = CustomEvent;
  }
});
