// The answers of this visit, newest first, kept in the browser. Fires "change".
//
// An entry is { id, at, source, name, strokes, thumb, ink, digit, confidence, probabilities, model, label }: source is
// "drawing" (with strokes) or "picture" (with a thumb where the browser could make one), label what the person says it
// is: "0" to "9", "none", or "" for as read.

import { isStroke } from "./drawing.js";
import { Part } from "./part.js";

const NAME = "history";
const MOST_ENTRIES = 100;

const isText = (value) => typeof value === "string";
const isShare = (value) => typeof value === "number" && value >= 0 && value <= 1;
const isList = (value, isItem) => Array.isArray(value) && value.length > 0 && value.every(isItem);

// What a field of an entry may hold. Storage outlives versions of the page, and others may write there.
const FIELDS = {
  id: isText, at: isText, name: isText, ink: isText, model: isText, confidence: isShare,
  source: (source) => source === "drawing" || source === "picture",
  strokes: (strokes, { source }) => source === "picture" || isList(strokes, isStroke),
  thumb: (thumb, { source }) => source === "drawing" || isText(thumb),
  digit: (digit) => Number.isInteger(digit) && digit >= 0 && digit <= 9,
  probabilities: (shares) => isList(shares, isShare) && shares.length === 10,
  label: (label) => isText(label) && /^(\d|none)?$/.test(label),
};

export class History extends Part {
  #memory;
  taken = null; // the entries that undo gives back, until the person changes something else
  unkept = 0; // how many of the oldest the storage does not hold: they last as long as the page

  constructor(memory) {
    super();
    this.#memory = memory;
    this.reload();
  }

  // Another window of the same page may write.
  watch(window, signal) {
    this.#memory.watch(window, NAME, () => this.reload(), signal);
  }

  reload() {
    const kept = this.#memory.recall(NAME);
    this.entries = Array.isArray(kept) ? kept.filter(isEntry) : [];
    this.unkept = 0;
    this.taken = null;
    this.fire("change");
  }

  // Puts an entry in front; one of the same id is replaced, and keeps its label.
  record(entry) {
    const { label = "" } = this.entries.find(({ id }) => id === entry.id) ?? {};
    this.#store([{ ...entry, label }, ...this.#without(entry.id)], this.taken);
  }

  label(id, label) {
    this.#store(this.entries.map((entry) => (entry.id === id ? { ...entry, label } : entry)));
  }

  remove(id) {
    this.#store(this.#without(id), this.entries.filter((entry) => entry.id === id));
  }

  clear() {
    this.#store([], this.entries);
  }

  // Answers may have come meanwhile, and one of them to a drawing that was taken.
  undo() {
    const back = this.taken.filter(({ id }) => !this.entries.some((entry) => entry.id === id));
    this.#store([...this.entries, ...back].sort((a, b) => b.at.localeCompare(a.at)));
  }

  // What was taken is gone for good.
  settle() {
    this.taken = null;
    this.fire("change");
  }

  #without(id) {
    return this.entries.filter((entry) => entry.id !== id);
  }

  // A full storage loses the oldest half, and again, until the rest fits.
  #store(entries, taken = null) {
    this.taken = taken;
    this.entries = entries.slice(0, MOST_ENTRIES);
    let fitting = this.entries;
    while (!this.#memory.keep(NAME, fitting) && fitting.length) {
      fitting = fitting.slice(0, Math.floor(fitting.length / 2));
    }
    this.unkept = this.entries.length - fitting.length;
    this.fire("change");
  }
}

function isEntry(entry) {
  return Boolean(entry) && Object.entries(FIELDS).every(([field, fits]) => fits(entry[field], entry));
}
