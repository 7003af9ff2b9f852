import assert from "node:assert/strict";
import { test } from "node:test";

import { History } from "../../static/js/history.js";
import { isEntry } from "../../static/js/history_entry.js";
import { PageStorage } from "../../static/js/storage.js";

// Stands for IndexedDB; `fails` takes nothing.
class FakeStore {
  rows = new Map();
  listeners = [];
  fails = false;

  subscribe(changed) {
    this.listeners.push(changed);
  }

  async all() {
    if (this.fails) throw new Error("no storage");
    return [...this.rows.values()];
  }

  async put(entries) {
    if (this.fails) throw new Error("no storage");
    for (const entry of entries) this.rows.set(entry.id, entry);
  }

  async remove(ids) {
    for (const id of ids) this.rows.delete(id);
  }
}

const NOTHING = new PageStorage(() => null);
const entry = (id, changes = {}) => ({
  id: String(id), at: "2026-11-21T10:00:00.000Z", source: "drawing", name: "", strokes: [{ width: 62, points: [[1, 2]] }],
  ink: "data:,", digit: 7, confidence: 0.9, probabilities: Array(10).fill(0.1), model: "digitrec 1", ...changes,
});
const number = (id, changes = {}) => ({
  ...entry(id), ink: undefined, digit: undefined, probabilities: undefined, text: "07", digits: [{ digit: 0, confidence: 0.9 }, { digit: 7, confidence: 0.8 }],
  ...changes,
});
const ids = (history) => history.entries.map(({ id }) => id);

// A history of the entries that were recorded, one after the other.
function recorded(...entries) {
  const history = new History(new FakeStore());
  for (const one of entries) history.record(one);
  return history;
}

async function opened(store, memory = NOTHING) {
  const history = new History(store);
  await history.open(memory);
  return history;
}

test("the newest comes first, and a drawing that goes on stays one entry", () => {
  const history = recorded(entry(1), entry(2), entry(1, { digit: 1 }));
  assert.deepEqual(ids(history), ["1", "2"]);
  assert.equal(history.entries[0].digit, 1);
});

test("a label stays when the drawing goes on, and not when it becomes a number", () => {
  const history = recorded(entry(1));
  history.label("1", "4");
  history.record(entry(1));
  assert.equal(history.entries[0].label, "4");
  history.record(number(1));
  assert.equal(history.entries[0].label, "");
});

test("another page of the same browser finds all of it, however long it is", async () => {
  const store = new FakeStore();
  const history = new History(store);
  for (let id = 0; id < 1300; id += 1) history.record(entry(id, { at: new Date(id * 1000).toISOString() }));
  const other = await opened(store);
  assert.equal(other.entries.length, 1300);
  assert.equal(other.entries[0].id, "1299");
});

test("what the page kept before is taken over once", async () => {
  const items = new Map([["digitrec.history", JSON.stringify([entry(1, { label: "4" }), { id: "damaged" }])]]);
  const storage = { getItem: (key) => items.get(key) ?? null, removeItem: (key) => items.delete(key) };
  const history = await opened(new FakeStore(), new PageStorage(() => storage));
  assert.deepEqual(history.entries.map(({ id, label }) => [id, label]), [["1", "4"]]);
  assert.equal(items.size, 0);
});

test("what was kept before stays where it is if there is no other place", async () => {
  const items = new Map([["digitrec.history", JSON.stringify([entry(1, { label: "" })])]]);
  const store = Object.assign(new FakeStore(), { fails: true });
  const history = await opened(store, new PageStorage(() => ({ getItem: (key) => items.get(key) ?? null })));
  assert.equal(history.isKept, false);
  assert.equal(items.size, 1);
});

test("an answer that came before the history was read stays", async () => {
  const store = new FakeStore();
  await store.put([entry(1, { label: "", at: "2026-11-20T10:00:00.000Z" })]);
  const history = new History(store);
  const opening = history.open(NOTHING);
  history.record(entry(2));
  await opening;
  assert.deepEqual(ids(history), ["2", "1"]);
});

test("a storage that takes nothing is said, and the page goes on", async () => {
  const history = new History(Object.assign(new FakeStore(), { fails: true }));
  history.record(entry(1));
  await new Promise(setImmediate);
  assert.equal(history.isKept, false);
  assert.deepEqual(ids(history), ["1"]);
});

test("a number is kept with a label of any length", async () => {
  const store = new FakeStore();
  const history = new History(store);
  history.record(number(1));
  history.label("1", "0471");
  const [kept] = (await opened(store)).entries;
  assert.deepEqual([kept.text, kept.digits[1].digit, kept.label], ["07", 7, "0471"]);
});

test("what another window writes is shown", async () => {
  const store = new FakeStore();
  const history = new History(store);
  history.enable();
  await store.put([entry(1, { label: "" })]);
  for (const changed of store.listeners) await changed();
  assert.deepEqual(ids(history), ["1"]);
});

test("what was taken comes back next to what came meanwhile, the newest first", () => {
  const [one, two, three, again] = [1, 2, 3, 4].map((minute) => `2026-11-21T10:0${minute}:00.000Z`);
  const history = recorded(entry(1, { at: one }), entry(2, { at: two }));
  history.clear();
  history.record(entry(3, { at: three }));
  history.record(entry(1, { at: again, digit: 1 }));
  history.undo();
  assert.deepEqual(ids(history), ["1", "3", "2"]);
  assert.equal(history.entries[0].digit, 1);
  assert.equal(history.pendingUndo, null);
});

test("entries are removed one by one or all at once", () => {
  const history = recorded(entry(1), entry(2), entry(3));
  history.remove("2");
  assert.deepEqual(ids(history), ["3", "1"]);
  history.clear();
  assert.deepEqual(ids(history), []);
});

for (const damage of [null, "text", 3, { id: "1" }]) {
  test(`${JSON.stringify(damage)} is no entry`, () => assert.ok(!isEntry(damage)));
}

test("a picture is an entry with and without its thumbnail", () => {
  const picture = { source: "picture", strokes: undefined, label: "none" };
  assert.ok(isEntry(entry(1, { ...picture, thumb: "data:," })) && isEntry(entry(2, { ...picture, thumb: "" })));
});

for (const [name, changes] of Object.entries({
  "digits of words": { digits: ["seven"] },
  "no digits": { digits: undefined },
  "a text of figures": { text: 7 },
  "a transcript of figures": { transcript: 7 },
  "a label of words": { label: "seven" },
})) {
  test(`a damaged number with ${name} is dropped`, () => assert.ok(!isEntry(number(1, { label: "", ...changes }))));
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
  test(`a damaged entry with ${name} is dropped`, () => assert.ok(!isEntry(entry(1, { label: "", ...changes }))));
}

