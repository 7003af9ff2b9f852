import assert from "node:assert/strict";
import { test } from "node:test";

import { History } from "../../static/js/history.js";
import { PageStorage } from "../../static/js/storage.js";

class FakeStorage {
  constructor(room = Infinity) {
    this.room = room;
    this.items = new Map();
  }

  getItem(key) {
    return this.items.get(key) ?? null;
  }

  setItem(key, text) {
    if (text.length > this.room) throw new Error("QuotaExceededError");
    this.items.set(key, text);
  }

  removeItem(key) {
    this.items.delete(key);
  }
}

const memoryOf = (storage) => new PageStorage(() => storage);
const entry = (id, changes = {}) => ({
  id: String(id), at: "2026-11-21T10:00:00.000Z", source: "drawing", name: "", strokes: [{ width: 62, points: [[1, 2]] }],
  ink: "data:,", digit: 7, confidence: 0.9, probabilities: Array(10).fill(0.1), model: "digitrec 1", ...changes,
});
const number = (id, changes = {}) => ({
  ...entry(id), ink: undefined, digit: undefined, probabilities: undefined, text: "07", digits: [{ digit: 0, confidence: 0.9 }, { digit: 7, confidence: 0.8 }],
  ...changes,
});
const ids = (history) => history.entries.map(({ id }) => id);

test("the newest comes first, and a drawing that goes on stays one entry", () => {
  const history = new History(memoryOf(new FakeStorage()));
  history.record(entry(1));
  history.record(entry(2));
  history.record(entry(1, { digit: 1 }));
  assert.deepEqual(ids(history), ["1", "2"]);
  assert.equal(history.entries[0].digit, 1);
});

test("a label stays when the drawing goes on", () => {
  const history = new History(memoryOf(new FakeStorage()));
  history.record(entry(1));
  history.label("1", "4");
  history.record(entry(1));
  assert.equal(history.entries[0].label, "4");
});

test("another page of the same browser finds it", () => {
  const memory = memoryOf(new FakeStorage());
  new History(memory).record(entry(1));
  assert.deepEqual(ids(new History(memory)), ["1"]);
});

test("it is bounded", () => {
  const history = new History(memoryOf(new FakeStorage()));
  for (let id = 0; id < 130; id += 1) history.record(entry(id));
  assert.equal(history.entries.length, 100);
  assert.equal(history.entries[0].id, "129");
});

test("a full storage loses the oldest, not the newest", () => {
  const storage = new FakeStorage(2000);
  const history = new History(memoryOf(storage));
  for (let id = 0; id < 30; id += 1) history.record(entry(id));
  assert.equal(history.entries.length, 30, "this page still shows all of them");
  const kept = ids(new History(memoryOf(storage)));
  assert.ok(kept.length > 0 && kept.length < 30);
  assert.equal(history.unsavedCount, 30 - kept.length);
  assert.equal(kept[0], "29");
});

test("a storage that takes nothing is said, and the page goes on", () => {
  const history = new History(memoryOf(new FakeStorage(0)));
  history.record(entry(1));
  assert.equal(history.unsavedCount, 1);
  assert.deepEqual(ids(history), ["1"]);
  assert.deepEqual(ids(new History(memoryOf(null))), []);
});

test("a number is kept with a label of any length", () => {
  const memory = memoryOf(new FakeStorage());
  const history = new History(memory);
  history.record(number(1));
  history.label("1", "0471");
  const [kept] = new History(memory).entries;
  assert.deepEqual([kept.text, kept.digits[1].digit, kept.label], ["07", 7, "0471"]);
});

for (const [name, changes] of Object.entries({
  "digits of words": { digits: ["seven"] },
  "no digits": { digits: undefined },
  "a text of figures": { text: 7 },
  "a transcript of figures": { transcript: 7 },
  "a label of words": { label: "seven" },
})) {
  test(`a damaged number with ${name} is dropped, and no other`, () => {
    const storage = new FakeStorage();
    storage.setItem("digitrec.history", JSON.stringify([number(1, { label: "", ...changes }), number(2, { label: "" })]));
    assert.deepEqual(ids(new History(memoryOf(storage))), ["2"]);
  });
}

test("what was taken comes back beside what came meanwhile, the newest first", () => {
  const history = new History(memoryOf(new FakeStorage()));
  const [one, two, three, again] = [1, 2, 3, 4].map((minute) => `2026-11-21T10:0${minute}:00.000Z`);
  history.record(entry(1, { at: one }));
  history.record(entry(2, { at: two }));
  history.clear();
  history.record(entry(3, { at: three }));
  history.record(entry(1, { at: again, digit: 1 }));
  history.undo();
  assert.deepEqual(ids(history), ["1", "3", "2"]);
  assert.equal(history.entries[0].digit, 1);
  assert.equal(history.pendingUndo, null);
});

for (const damage of ["{", "null", '"text"', '[null, 3, {"id": "1"}]']) {
  test(`a damaged storage holding ${damage} is an empty history`, () => {
    const storage = new FakeStorage();
    storage.setItem("digitrec.history", damage);
    assert.deepEqual(ids(new History(memoryOf(storage))), []);
  });
}

for (const [name, changes] of Object.entries({
  "no time": { at: undefined },
  "a source of its own": { source: "letter" },
  "no name": { name: null },
  "strokes of words": { strokes: [{ width: 62, points: ["ab"] }] },
  "strokes of nothing": { strokes: [null] },
  "no stroke": { strokes: [] },
  "a digit of two figures": { digit: 12 },
  "a fraction of words": { probabilities: Array(10).fill("0.1") },
  "nine probabilities": { probabilities: Array(9).fill(0.1) },
  "a confidence of words": { confidence: "0.9" },
  "no ink": { ink: 3 },
  "no model": { model: {} },
  "a label of words": { label: "seven" },
})) {
  test(`a damaged entry with ${name} is dropped, and no other`, () => {
    const storage = new FakeStorage();
    storage.setItem("digitrec.history", JSON.stringify([entry(1, { label: "", ...changes }), entry(2, { label: "4" })]));
    assert.deepEqual(ids(new History(memoryOf(storage))), ["2"]);
  });
}

test("a picture is kept with and without its thumbnail", () => {
  const storage = new FakeStorage();
  const picture = { source: "picture", strokes: undefined, label: "none" };
  storage.setItem("digitrec.history", JSON.stringify([entry(1, { ...picture, thumb: "data:," }), entry(2, { ...picture, thumb: "" })]));
  assert.deepEqual(ids(new History(memoryOf(storage))), ["1", "2"]);
});

test("a storage with room for no entry keeps none, and says so", () => {
  const history = new History(memoryOf(new FakeStorage(2))); // "[]"
  history.record(entry(1));
  history.record(entry(2));
  assert.equal(history.unsavedCount, 2);
  history.clear();
  assert.equal(history.unsavedCount, 0);
});

test("only what another window writes under its own name is read again", () => {
  const [storage, { signal }] = [new FakeStorage(), new AbortController()];
  const [mine, other] = [new History(memoryOf(storage)), new History(memoryOf(storage))];
  const window = new EventTarget();
  mine.subscribe(window, signal);
  other.record(entry(1));
  for (const [key, kept] of [["digitrec.threshold", []], ["other.history", []], ["digitrec.history", ["1"]]]) {
    window.dispatchEvent(Object.assign(new Event("storage"), { key }));
    assert.deepEqual(ids(mine), kept, key);
  }
  storage.removeItem("digitrec.history");
  window.dispatchEvent(Object.assign(new Event("storage"), { key: null })); // everything was cleared
  assert.deepEqual(ids(mine), []);
});

test("entries are removed one by one or all at once", () => {
  const history = new History(memoryOf(new FakeStorage()));
  for (const id of [1, 2, 3]) history.record(entry(id));
  history.remove("2");
  assert.deepEqual(ids(history), ["3", "1"]);
  history.clear();
  assert.deepEqual(ids(history), []);
});
