import assert from "node:assert/strict";
import { test } from "node:test";

import { COUNT, Round, verdictOf } from "../../static/js/round/round.js";
import * as texts from "../../static/js/round/texts.js";

const RULE = { threshold: 0.6, numberThreshold: 0.6 };
const STROKES = [{ width: 38, points: [[1, 2], [3, 4]] }];
const prediction = (digit, confidence = 0.9, reason = null) => ({ digit, confidence, reason });
const verdict = (answer, digit = 4) => verdictOf(STROKES, answer, digit, RULE);

// Writes a digit from `from` to `to`, and settles it with `answer`, which came `waitMs` later.
function write(round, answer, from, to, waitMs = 0) {
  round.write(from);
  round.wait(to);
  round.settle(STROKES, answer, RULE, to + waitMs);
}

test("a digit counts when it is the one that was asked for and is accepted", () => {
  assert.equal(verdict(prediction(4)), "right");
  assert.equal(verdict(prediction(9)), "other");
  assert.equal(verdict(prediction(4, 0.5)), "doubt");
  assert.equal(verdict(prediction(4, 0.9, "no_digit")), "none");
});

test("a number is never the digit that was asked for", () => {
  assert.equal(verdict({ text: "4", transcript: "4", digits: [], confidence: 0.9 }), "other");
  assert.equal(verdict({ text: "14", transcript: "14", digits: [], confidence: 0.9 }), "other");
});

test("what has no answer, or no ink, is no miss of the network's and says so", () => {
  assert.equal(verdict(null), "unread");
  assert.equal(verdictOf([], null, 4, RULE), "blank");
});

test("the clock starts with the first stroke and ends with the last, without the time of reading", () => {
  const round = new Round();
  assert.equal(round.elapsedMs(5_000), 0);
  for (let digit = 0; digit < COUNT; digit += 1) write(round, prediction(digit), 10_000 + 1_000 * digit, 10_400 + 1_000 * digit, 500);
  assert.ok(round.isOver);
  assert.equal(round.score, 10);
  assert.equal(round.elapsedMs(99_000), 400 + 9 * (100 + 400), "each but the first is asked for 100 ms before its stroke");
});

test("the clock stands while a drawing is read, and goes on when the answer is another digit", () => {
  const round = new Round();
  round.write(0);
  round.wait(300);
  assert.equal(round.elapsedMs(9_000), 300);
  round.resume(9_000);
  assert.equal(round.elapsedMs(9_200), 500);
});

test("skipping before the first stroke starts no clock", () => {
  const round = new Round();
  round.settle([], null, RULE, 1_000);
  assert.equal(round.asked, 1);
  assert.equal(round.elapsedMs(3_000), 0);
  round.write(3_000);
  assert.equal(round.elapsedMs(3_100), 100);
});

test("each miss says what it was taken for", () => {
  const round = new Round();
  for (const [answer, strokes] of [[prediction(6), STROKES], [prediction(7, 0.4), STROKES], [null, STROKES], [null, []]]) {
    round.settle(strokes, answer, RULE, 0);
  }
  assert.deepEqual(round.results.map(texts.captionText), ["0: taken for 6", "1: not sure, perhaps 7", "2: not read", "3: not written"]);
  assert.equal(texts.wrongText(round.results[0]), "Taken for 6. Change it, or press Next.");
  assert.equal(texts.scoreText(9, 12_340), "9 of 10 in 12.3\u00a0s");
});
