// The answers of this visit, newest first, kept in the browser. Fires "change", its detail true where it is but a label.
//
// An entry is { id, at, source, name, strokes, thumb, ink, digit, confidence, probabilities, reason, model, label }: source is
// "drawing" (with strokes) or "picture" (with a thumb where the browser could make one), label what the person says it
// is: "0" to "9", "none", or "" for as read. A number's has text, transcript and digits,
// [{ digit, confidence }, ...], in the place of ink, digit, probabilities and reason, and its label may be of any length.

import { isStroke } from "./drawing.js";
import { Component } from "./component.js";
import { isReading } from "./decision.js";

const NAME = "history";
const MAX_ENTRIES = 100;

const isText = (value) => typeof value === "string";
const isProbability = (value) => typeof value === "number" && value >= 0 && value <= 1;
const isDigit = (value) => Number.isInteger(value) && value >= 0 && value <= 9;
const isList = (value, isItem) => Array.isArray(value) && value.every(isItem);
const ofDigit = (fits) => (value, entry) => isReading(entry) || fits(value);

// What a field of an entry may hold. The storage outlives versions of the page, and others may write there.
const FIELDS = {
  id: isText, at: isText, name: isText, model: isText, confidence: isProbability,
  source: (source) => source === "drawing" || source === "picture",
  strokes: (strokes, { source }) => source === "picture" || (isList(strokes, isStroke) && strokes.length > 0),
  thumb: (thumb, { source }) => source === "drawing" || isText(thumb),
  ink: ofDigit(isText),
  digit: ofDigit(isDigit),
  probabilities: ofDigit((values) => isList(values, isProbability) && values.length === 10),
  reason: (reason) => [undefined, null, "several_digits", "no_digit", "low_confidence"].includes(reason),
  text: (text) => text === undefined || isText(text),
  transcript: (transcript) => transcript === undefined || isText(transcript),
  digits: (digits, entry) => !isReading(entry) || isList(digits, (one) => isDigit(one?.digit) && isProbability(one.confidence)),
  label: (label) => isText(label) && /^(\d*|none)$/.test(label),
};

export class History extends Component {
  #memory;
  pendingUndo = null; // the entries that undo gives back, until the person changes something else
  unsavedCount = 0; // how many of the oldest the storage does not hold: they last as long as the page

  constructor(memory) {
    super();
    this.#memory = memory;
    this.reload();
  }

  // Another window of the same page may write.
  subscribe(window, signal) {
    this.#memory.subscribe(window, NAME, () => this.reload(), signal);
  }

  reload() {
    const kept = this.#memory.get(NAME);
    this.entries = Array.isArray(kept) ? kept.filter(isEntry) : [];
    this.unsavedCount = 0;
    this.pendingUndo = null;
    this.emit("change");
  }

  // Puts an entry in front; one of the same id is replaced, and keeps its label.
  record(entry) {
    const { label = "" } = this.find(entry.id) ?? {};
    this.#store([{ ...entry, label }, ...this.#without(entry.id)], this.pendingUndo);
  }

  find(id) {
    return this.entries.find((entry) => entry.id === id);
  }

  label(id, label) {
    this.#store(this.entries.map((entry) => (entry.id === id ? { ...entry, label } : entry)), null, true);
  }

  remove(id) {
    this.#store(this.#without(id), [this.find(id)]);
  }

  clear() {
    this.#store([], this.entries);
  }

  // Answers may have come meanwhile, and one of them to a drawing that was taken.
  undo() {
    const back = this.pendingUndo.filter(({ id }) => !this.find(id));
    this.#store([...this.entries, ...back].sort((a, b) => b.at.localeCompare(a.at)));
  }

  // What was taken is gone for good.
  commit() {
    this.pendingUndo = null;
    this.emit("change");
  }

  #without(id) {
    return this.entries.filter((entry) => entry.id !== id);
  }

  // A full storage loses the oldest half, and again, until the rest fits.
  #store(entries, pendingUndo = null, isLabel = false) {
    this.pendingUndo = pendingUndo;
    this.entries = entries.slice(0, MAX_ENTRIES);
    let fitting = this.entries;
    while (!this.#memory.set(NAME, fitting) && fitting.length) {
      fitting = fitting.slice(0, Math.floor(fitting.length / 2));
    }
    this.unsavedCount = this.entries.length - fitting.length;
    this.emit("change", isLabel);
  }
}

function isEntry(entry) {
  return Boolean(entry) && Object.entries(FIELDS).every(([field, fits]) => fits(entry[field], entry));
}
