import assert from "node:assert/strict";
import { test } from "node:test";

import { Failure } from "../../static/js/client.js";
import { decide, isAccepted, leastCertain, ruleOf, signsOf, topTwo } from "../../static/js/decision.js";
import * as failures from "../../static/js/failure_messages.js";
import * as words from "../../static/js/messages.js";

const RULE = { threshold: 0.6, numberThreshold: 0.6 };

function prediction(values, rest, reason = null) {
  const probabilities = Array.from({ length: 10 }, (_, digit) => values[digit] ?? rest);
  const confidence = Math.max(...probabilities);
  return { digit: probabilities.indexOf(confidence), confidence, probabilities, reason };
}

const SURE = prediction({ 7: 0.982 }, 0.002);
const TORN = prediction({ 4: 0.48, 9: 0.43 }, 0.01125, "low_confidence");
const SIGN = prediction({ 1: 0.118 }, 0.098, "no_digit");
const PAIR = prediction({ 4: 0.118 }, 0.098, "several_digits");

test("an answer at the threshold is accepted", () => {
  assert.equal(decide({ ...SURE, confidence: 0.6 }, RULE), "sure");
  assert.equal(decide({ ...SURE, confidence: 0.599 }, RULE), "doubt");
});

test("the server's reason tells what is not one digit from a doubtful one", () => {
  assert.deepEqual([TORN, SIGN, PAIR].map((answer) => decide(answer, RULE)), ["doubt", "none", "none"]);
});

test("a threshold of nothing accepts everything, and what looks like no digit is still called so", () => {
  const lenient = { ...RULE, threshold: 0, numberThreshold: 0 };
  assert.ok(isAccepted(SIGN, lenient));
  assert.equal(decide(SIGN, lenient), "none");
  assert.equal(decide(TORN, lenient), "guess");
});

test("nothing below a half is called likely", () => {
  const lenient = { ...RULE, threshold: 0, numberThreshold: 0 };
  assert.match(words.resultMessage(TORN, lenient).note, /^Only a guess, 48.%\./);
  assert.match(words.resultMessage(prediction({ 4: 0.5, 9: 0.41 }, 0.01125), lenient).note, /^Likely, 50.%\./);
  assert.match(words.resultMessage({ text: "47", confidence: 0.3 }, lenient).note, /^Only a guess, 30.%\./);
});

test("a bar's fraction is the sentence's, without the words that a bar has no room for", () => {
  assert.deepEqual([1, 0.998, 0.98, 0.05, 0.0099].map(words.shortPercent), [">99.9%", "99.8%", "98%", "5%", ""]);
});

test("the likeliest two come in order", () => {
  assert.deepEqual(topTwo(TORN.probabilities), [4, 9]);
});

test("each verdict has words of its own", () => {
  assert.match(words.resultMessage(SURE, RULE).headline, /^It is a 7$/);
  assert.match(words.resultMessage(SURE, RULE).note, /^Very likely, 98.%\.$/);
  assert.match(words.resultMessage(SURE, RULE).detail, /^Next comes the 0, under 1.%\.$/);
  assert.equal(words.resultMessage(TORN, RULE).headline, "Not sure: it may be a 4 or a 9");
  assert.equal(words.resultMessage(SIGN, RULE).headline, "This does not look like a digit");
  assert.equal(words.resultMessage(PAIR, RULE).headline, "More than one digit");
});

test("a mark that is no digit makes a number doubtful, however sure it is", () => {
  const reading = { text: "7", transcript: "?7", confidence: 0.99, digits: [{ digit: 7 }] };
  assert.equal(decide(reading, RULE), "doubt");
  assert.match(words.resultMessage(reading, RULE).note, /no digit/);
  assert.deepEqual(signsOf(reading), [{ sign: "?" }, { sign: "7", index: 0 }]);
});

test("a transcript that has other digits than the text is not shown", () => {
  const reading = { text: "4-7", transcript: "4/7/1", digits: [{ digit: 4 }, { digit: 7 }] };
  assert.deepEqual(signsOf(reading), [{ sign: "4", index: 0 }, { sign: "-" }, { sign: "7", index: 1 }]);
});

test("of a number the digit is named that is least certain", () => {
  assert.equal(leastCertain([{ confidence: 0.9 }, { confidence: 0.2 }, { confidence: 0.3 }]), 1);
});

test("an eight has its own article", () => {
  assert.equal(words.resultMessage(prediction({ 8: 0.99 }, 0.001), RULE).headline, "It is an 8");
});

test("no fraction is called 100 % or 0 %", () => {
  assert.match(words.percent(1), /^over 99\.9/);
  assert.match(words.percent(0), /^under 1/);
  assert.match(words.percent(0.5), /^50.%$/);
});

test("the threshold says what it does", () => {
  assert.match(words.thresholdMessage("digit", 0.6), /^Below 60.% it says that it is not sure\.$/);
  assert.match(words.thresholdMessage("number", 0), /guesses/);
});

test("an entry of the history goes by the rule of its time", () => {
  const own = { threshold: 0.75, numberThreshold: 0.9 };
  assert.equal(decide({ text: "47", confidence: 0.5, threshold: 0.4 }, ruleOf({ threshold: 0.4 }, own)), "sure");
  assert.equal(ruleOf({}, own), own);
});

test("every kind of failure has words of its own for a drawing", () => {
  const kinds = ["blank", "rejected", "bad-constraint", "too-large", "offline", "unreachable", "slow", "rate-limited", "unavailable", "broken"];
  const said = kinds.map((kind) => Object.values(failures.drawingErrorMessage(new Failure(kind))).join(" "));
  assert.equal(new Set(said).size, kinds.length);
  for (const text of said) assert.doesNotMatch(text, /undefined/);
});

test("every kind of failure has words of its own for a picture", () => {
  const kinds = ["blank", "too-large", "not-image", "unreadable", "offline", "unreachable", "slow", "rate-limited", "unavailable", "broken"];
  assert.equal(new Set(kinds.map((kind) => failures.uploadErrorMessage(new Failure(kind)).headline)).size, kinds.length);
});

test("a fault of the server names the request", () => {
  const failure = new Failure("broken", { requestId: "0123456789" });
  assert.match(failures.drawingErrorMessage(failure).note, /Request 0123456789\./);
});

test("a number is said with its confidence", () => {
  assert.equal(words.resultMessage({ text: "407", confidence: 0.97 }, RULE).headline, "It is 407");
  assert.equal(words.resultMessage({ text: "4\n07", confidence: 0.4 }, RULE).headline, "Not sure: it may be 4, 07");
});

test("what stands on the paper is said where it is not the digits alone", () => {
  const noteOf = (reading) => words.resultMessage({ confidence: 0.97, ...reading }, RULE).note;
  assert.match(noteOf({ text: "", transcript: "" }), /^Write digits/);
  assert.match(noteOf({ text: "47", transcript: "47" }), /^Very likely/);
  assert.match(noteOf({ text: "47" }), /^Very likely/, "an older entry of the history");
  assert.match(noteOf({ text: "14052006", transcript: "14/05/2006" }), /^Written as 14\/05\/2006\. Very likely, 97.%\.$/);
  assert.match(noteOf({ text: "4\n07", transcript: "4.\n0:7", confidence: 0.4 }), /^Written as 4\., 0:7\. 40.% for the whole number\.$/);
});

test("a number has a threshold of its own", () => {
  const rule = { ...RULE, threshold: 0.2, numberThreshold: 0.8 };
  assert.equal(decide({ text: "47", confidence: 0.79 }, rule), "doubt");
  assert.equal(decide({ text: "47", confidence: 0.8 }, rule), "sure");
  assert.ok(isAccepted({ digit: 4, confidence: 0.2 }, rule));
});

test("where no number was found, words say so whatever the threshold", () => {
  for (const rule of [RULE, { ...RULE, threshold: 0 }]) {
    assert.equal(decide({ text: "", confidence: 0.004 }, rule), "none");
    assert.equal(words.resultMessage({ text: "", confidence: 0.004 }, rule).headline, "This does not look like a number");
  }
});
