import assert from "node:assert/strict";
import { test } from "node:test";

import { DoubtQueue } from "../../static/js/forms/doubt_queue.js";
import { correct, countCorrected, judge, recordOf, stateOf, valuesOf, violationsOf } from "../../static/js/forms/records.js";

const CELLS = ["a", "b", "c"].map((name) => ({ name, required: name !== "c" }));
const BLANK = { type: "/problems/blank-image", detail: "Nothing is written." };
const read = (text, accepted = true) => ({ text, transcript: text, confidence: accepted ? 0.99 : 0.5, accepted });
const NO_VIOLATIONS = { a: read("1"), b: read("2"), c: read("3") };

function record(fields = {}, violations = []) {
  return recordOf({ fields: { ...NO_VIOLATIONS, ...fields }, fit: 0.9, violations }, "page.jpg", CELLS);
}

function pageOf(fields, violations) {
  pageOf.key = (pageOf.key ?? 0) + 1;
  return { key: pageOf.key, drafts: new Map(), record: record(fields, violations) };
}

const doubts = ({ fields }) => Object.keys(fields).filter((name) => fields[name].needs_check);

test("a field needs a check if it is doubtful, blank though required, or breaks a rule", () => {
  assert.deepEqual(doubts(record()), []);
  assert.equal(record().state, "checked");
  assert.deepEqual(doubts(record({ a: read("1", false) })), ["a"]);
  assert.deepEqual(doubts(record({ b: BLANK, c: BLANK })), ["b"]);
  assert.deepEqual(doubts(record({ c: { type: "/problems/invalid-field", detail: "no" } })), ["c"], "an error is not blank");
  const broken = record({}, [{ fields: ["a", "c"], message: "expected 3." }]);
  assert.deepEqual(doubts(broken), ["a", "c"]);
  assert.equal(broken.state, "unchecked");
  assert.deepEqual(violationsOf(broken, "c"), ["expected 3."]);
  assert.deepEqual(violationsOf(broken, "b"), []);
});

test("what a person has confirmed needs no check, whatever the rules say", () => {
  const broken = record({}, [{ fields: ["a"], message: "no." }]);
  const confirmed = judge(correct(broken, "a", "1"), CELLS);
  assert.deepEqual(doubts(confirmed), []);
  assert.equal(confirmed.violations.length, 1);
});

test("a new value takes back the rules about it until they are asked about again", () => {
  const broken = record({ a: read("7", false) }, [{ fields: ["a", "b"], message: "no." }]);
  const corrected = judge(correct(broken, "a", "1"), CELLS);
  assert.deepEqual(doubts(corrected), []);
  assert.deepEqual(valuesOf(corrected), { a: "1", b: "2", c: "3" });
  assert.equal(countCorrected([corrected, broken]), 1);
  assert.deepEqual(doubts(broken), ["a", "b"], "the record before is as it was");
});

test("a table knows what is doubtful, corrected, blank and sure", () => {
  const { fields } = judge(correct(record({ a: read("7", false), c: BLANK }), "b", "5"), CELLS);
  assert.deepEqual(Object.values(fields).map(stateOf), ["doubt", "corrected", "blank"]);
  assert.equal(stateOf(record().fields.a), "sure");
});

test("an empty queue has no field and goes nowhere", () => {
  const queue = new DoubtQueue();
  queue.update([]);
  queue.move(1);
  assert.equal(queue.next(), false);
  assert.deepEqual([queue.current, queue.length, queue.left], [undefined, 0, 0]);
});

test("the queue goes through the doubts of all pages, those of broken rules last, and around", () => {
  const first = pageOf({ b: read("2", false) }, [{ fields: ["a", "b"], message: "no." }]);
  const second = pageOf({ c: read("3", false) });
  const queue = new DoubtQueue();
  queue.update([first, { key: 0, record: null, drafts: new Map() }, second]);
  const seen = [];
  for (let step = 0; step < 4; step += 1) {
    seen.push(queue.current.name);
    assert.equal(queue.next(), true);
  }
  assert.deepEqual(seen, ["b", "a", "c", "b"]);
  assert.deepEqual([queue.position, queue.length, queue.left], [2, 3, 3]);
  queue.move(-5);
  assert.equal(queue.position, 1);
  queue.move(5);
  assert.equal(queue.position, 3);
});

test("what is checked stays in the queue, what a correction clears up leaves it", () => {
  const page = pageOf({ b: read("2", false) }, [{ fields: ["a", "b"], message: "no." }]);
  const queue = new DoubtQueue();
  queue.update([page]);
  page.record = judge(correct(page.record, "b", "9"), CELLS);
  queue.update([page]);
  assert.deepEqual([queue.current.name, queue.length, queue.left], ["b", 1, 0]);
  assert.equal(queue.next(), false);
});

test("the current field stays current when others come and go", () => {
  const [first, second] = [pageOf({ a: read("1", false) }), pageOf({ b: read("2", false) })];
  const queue = new DoubtQueue();
  queue.update([second]);
  queue.update([first, second]);
  assert.deepEqual([queue.current.page, queue.length], [second, 2]);
  queue.update([first]);
  assert.deepEqual([queue.current.page, queue.length], [first, 1]);
});

test("any field is opened, and a rejected correction is a doubt again", () => {
  const page = pageOf({ a: read("1", false) });
  const queue = new DoubtQueue();
  queue.update([page]);
  queue.goTo(page, "c");
  assert.deepEqual([queue.current.name, queue.position, queue.length], ["c", 2, 2]);
  queue.goTo(page, "a");
  assert.equal(queue.length, 2);
  page.record = judge(correct(page.record, "a", "1"), CELLS);
  page.drafts.set("b", { value: "5" });
  queue.update([page]);
  assert.deepEqual([queue.next(), queue.current.name], [true, "b"]);
});
