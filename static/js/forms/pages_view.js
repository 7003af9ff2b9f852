// The filled pages of one form: read one after the other, their doubts checked, their table exported. Fires "checked"
// when nothing is doubtful any more and everything is saved.

import { Component, listen } from "../component.js";
import { download } from "../download.js";
import { CheckView } from "./check_view.js";
import { DoubtQueue } from "./doubt_queue.js";
import { countCorrected } from "./records.js";
import { RecordsTable } from "./records_table.js";
import { Stack } from "./stack.js";
import { rowsOf, toCsv, toJson } from "./table_rows.js";
import * as texts from "./texts.js";
import { toXlsx } from "./xlsx.js";

const WRITERS = {
  csv: ["text/csv", toCsv],
  json: ["application/json", toJson],
  xlsx: ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (pages, cells, name) => toXlsx(rowsOf(pages, cells), name)],
};

export class PagesView extends Component {
  #root;
  #part = (name) => this.#root.querySelector(name);
  #maxBytes;
  #attempt;
  #table;
  #check;
  #queue = new DoubtQueue();
  #stack = null;
  #isExported = true;
  #isPlanned = false;
  fileName = () => "form";

  // attempt(action) runs what may fail, and says so.
  constructor(root, maxBytes, attempt) {
    super();
    this.#root = root;
    this.#maxBytes = maxBytes;
    this.#attempt = attempt;
    this.#table = new RecordsTable(this.#part("#records"));
    this.#check = new CheckView(this.#part("#check"), this.#part("#exports-forms button"));
  }

  listen(signal) {
    listen(this.#table, {
      open: ({ detail: { page, name } }) => this.#check.open(page, name),
      retry: ({ detail: page }) => this.#stack.retry([page]),
      remove: ({ detail: page }) => this.#attempt(() => this.#stack.remove(page)),
    }, signal);
    this.#check.addEventListener("accept", ({ detail: { page, name, value } }) => this.#save(page, name, value), { signal });
    this.#part("#exports-forms").addEventListener("click", ({ target }) => this.#export(target.closest("button")?.dataset.export), { signal });
    for (const part of [this.#table, this.#check]) part.enable();
    signal.addEventListener("abort", () => this.#stack?.disable());
  }

  // A stack of another store, with the records that it has.
  use(store, records = []) {
    this.#stack?.disable();
    this.#stack = new Stack(store, this.#maxBytes);
    this.#queue = new DoubtQueue();
    this.#isExported = true;
    this.#table.use(store.cells);
    this.#check.use(store, this.#queue);
    listen(this.#stack, {
      change: ({ detail: page }) => (this.#table.update(page), this.#plan()),
      removed: ({ detail: page }) => (this.#table.remove(page), this.#plan()),
      saved: () => this.#queue.left || this.emit("checked"),
      known: ({ detail: { name } }) => this.#attempt(() => Promise.reject(new Error(texts.knownMessage(name)))),
    });
    this.#stack.enable();
    this.#stack.load(records);
    this.#refresh();
  }

  clear() {
    this.use({ cells: [], isKept: true });
  }

  add(files) {
    this.#stack.add(files);
  }

  // The pictures of all pages, where this page alone has them.
  get files() {
    return this.#stack?.store.isKept ? [] : this.#pages.map(({ file }) => file);
  }

  // How many corrections are lost when the tab closes, or the form changes.
  get unsaved() {
    if (this.#stack?.store.isKept) return this.#stack.unsaved;
    return this.#isExported ? 0 : countCorrected(this.#pages.map(({ record }) => record).filter(Boolean));
  }

  get #pages() {
    return this.#stack?.pages ?? [];
  }

  #save(page, name, value) {
    this.#isExported = false;
    this.#stack.save(page, name, value);
  }

  // Once for all that changes at the same time, such as 500 pages that are added.
  #plan() {
    if (!this.#isPlanned) queueMicrotask(() => this.#refresh());
    this.#isPlanned = true;
  }

  #refresh() {
    this.#isPlanned = false;
    const pages = this.#pages;
    this.#queue.update(pages);
    this.#check.update();
    const done = pages.filter(({ state }) => ["read", "failed"].includes(state)).length;
    const progress = this.#part("#pages-progress");
    Object.assign(progress, { max: Math.max(pages.length, 1), value: done }).toggleAttribute("data-done", done === pages.length);
    const words = pages.length ? texts.progressMessage(pages, this.#queue.left) : "";
    if (this.#part("#pages-words").textContent !== words) this.#part("#pages-words").textContent = words;
    this.#part("#pages-filled").hidden = pages.length === 0;
    this.#part("#pages-none").hidden = pages.length > 0;
  }

  #export(kind) {
    if (!kind) return;
    const pages = this.#pages.map((page) => ({ ...page, error: page.failure ? texts.failureText(page.failure) : "" }));
    const [type, write] = WRITERS[kind];
    download(`${this.fileName()}-table.${kind}`, type, write(pages, this.#stack.store.cells, this.fileName()));
    this.#isExported = true;
  }
}
