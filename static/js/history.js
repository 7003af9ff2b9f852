// The answers of this browser, newest first. Fires "change".
//
// An entry is { id, at, source, name, strokes, thumb, ink, digit, confidence, probabilities, reason, threshold, model, label }:
// source is "drawing" (with strokes) or "picture" (with a thumb where the browser could make one), threshold the one that held,
// label what the person says it is: "0" to "9", "none", or "" for as read. A number's has text, transcript and digits,
// [{ digit, confidence }, ...], in the place of ink, digit, probabilities and reason, and its label may be of any length.
// An entry never changes; another one of its id takes its place.

import { Component } from "./component.js";
import { kindOf } from "./decision.js";
import { isEntry } from "./history_entry.js";

const FORMER = "history"; // where up to 100 entries were kept before

export class History extends Component {
  #store;
  entries = [];
  pendingUndo = null; // the entries that undo gives back, until the person changes something else
  isKept = true; // whether the browser stores it

  // store: a HistoryStore.
  constructor(store) {
    super();
    this.#store = store;
  }

  listen(signal) {
    this.#store.subscribe(() => this.reload(), signal);
  }

  // Reads what the browser has kept; answers that came meanwhile stay. memory: a PageStorage.
  async open(memory) {
    const former = memory.get(FORMER);
    if (Array.isArray(former)) {
      await this.#write(() => this.#store.put(former.filter(isEntry)));
      if (this.isKept) memory.remove(FORMER);
    }
    await this.#read(() => this.entries);
  }

  reload() {
    return this.#read(() => []);
  }

  // recentOf() gives the entries that the storage may not have yet.
  async #read(recentOf) {
    const kept = await this.#write(() => this.#store.all());
    if (!kept) return;
    const recent = recentOf();
    const isNew = new Set(recent.map(({ id }) => id));
    this.#show([...recent, ...kept.filter((entry) => isEntry(entry) && !isNew.has(entry.id))]);
  }

  // Puts an entry in front. One of the same id is replaced, and keeps its label as long as it is of the same kind.
  record(entry) {
    const former = this.find(entry.id);
    const label = former && kindOf(former) === kindOf(entry) ? former.label : "";
    this.#put([{ ...entry, label }], this.pendingUndo);
  }

  find(id) {
    return this.entries.find((entry) => entry.id === id);
  }

  label(id, label) {
    this.#put([{ ...this.find(id), label }]);
  }

  remove(id) {
    this.#remove([this.find(id)]);
  }

  clear() {
    this.#remove(this.entries);
  }

  // Answers may have come meanwhile, and one of them to a drawing that was taken.
  undo() {
    this.#put(this.pendingUndo.filter(({ id }) => !this.find(id)));
  }

  // What was taken is gone for good.
  commit() {
    this.#show(this.entries);
  }

  #put(entries, pendingUndo = null) {
    const ids = new Set(entries.map(({ id }) => id));
    this.#show([...entries, ...this.entries.filter(({ id }) => !ids.has(id))], pendingUndo);
    this.#write(() => this.#store.put(entries));
  }

  #remove(entries) {
    const taken = new Set(entries);
    this.#show(this.entries.filter((entry) => !taken.has(entry)), entries);
    this.#write(() => this.#store.remove(entries.map(({ id }) => id)));
  }

  #show(entries, pendingUndo = null) {
    this.pendingUndo = pendingUndo;
    this.entries = entries.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
    this.emit("change");
  }

  // Without room, or without a storage, the history lasts as long as the page.
  async #write(write) {
    try {
      return await write();
    } catch {
      if (this.isKept) this.emit("change", (this.isKept = false));
      return null;
    }
  }
}
