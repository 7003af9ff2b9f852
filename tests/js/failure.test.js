import assert from "node:assert/strict";
import { test } from "node:test";

import { Failure } from "../../static/js/client.js";

for (const [status, type, kind] of [
  [422, "/problems/blank-image", "blank"],
  [413, "/problems/image-too-large", "too-large"],
  [413, undefined, "too-large"],
  [415, "/problems/unsupported-image", "not-image"],
  [400, "/problems/unreadable-image", "unreadable"],
  [400, "/problems/invalid-field", "rejected"],
  [429, undefined, "rate-limited"],
  [502, undefined, "unavailable"],
  [503, "/problems/model-unavailable", "unavailable"],
  [500, "/problems/internal-error", "broken"],
  [418, undefined, "broken"],
]) {
  test(`status ${status} of type ${type} is ${kind}`, () => {
    assert.equal(Failure.of(status, { type }, null).kind, kind);
  });
}

test("only what passes by itself is tried again", () => {
  assert.deepEqual(["offline", "unavailable", "rate-limited"].map((kind) => new Failure(kind).isTransient), [true, true, true]);
  assert.deepEqual(["blank", "not-image", "broken"].map((kind) => new Failure(kind).isTransient), [false, false, false]);
});

test("the server's wish for a pause is heard, within reason", () => {
  assert.equal(Failure.of(429, {}, "7").delayMs, 7000);
  assert.equal(Failure.of(429, {}, "86400").delayMs, 60_000);
  assert.equal(Failure.of(429, {}, "-1").delayMs, undefined);
  assert.equal(Failure.of(429, {}, null).delayMs, undefined);
  assert.equal(Failure.of(429, {}, "Wed, 21 Oct 2026 07:28:00 GMT").delayMs, undefined);
});
