// The stack of filled forms: each page is read, two at a time, and what a person corrects is saved, one request a page.
// Fires "change" with a page whose record or state is another, "removed" with one that is gone, "known" with one that
// the server has already, and "saved" when a page's corrections are saved.

import { Failure, retryDelay } from "../client.js";
import { Component } from "../component.js";
import { correct, judge } from "./records.js";

const CONCURRENCY = 2;
let keys = 0;

export class Stack extends Component {
  pages = [];
  #maxBytes;
  #queue = [];
  #running = 0;
  #giveUp = new AbortController();

  constructor(store, maxBytes) {
    super();
    this.store = store;
    this.#maxBytes = maxBytes;
  }

  listen(signal) {
    addEventListener("online", () => this.retry(this.pages.filter(({ failure }) => failure?.isTransient)), { signal });
    signal.addEventListener("abort", () => this.#giveUp.abort());
  }

  // What was corrected, and the server does not have yet.
  get unsaved() {
    return this.pages.filter(({ edits, drafts }) => edits.size || drafts.size).length;
  }

  load(records) {
    for (const record of records) this.#show(this.#page(record.name), { state: "read", saved: record, record });
  }

  add(files) {
    this.retry(files.map((file) => this.#page(file.name, file)));
  }

  retry(pages) {
    for (const page of pages) {
      clearTimeout(page.timer);
      this.#show(page, { state: "waiting", failure: null });
    }
    this.#queue.push(...pages);
    while (this.#running < CONCURRENCY && this.#queue.length) this.#work();
  }

  async remove(page) {
    if (page.record) await this.store.remove(page.record);
    clearTimeout(page.timer);
    this.pages = this.pages.filter((other) => other !== page);
    this.#queue = this.#queue.filter((other) => other !== page);
    this.emit("removed", page);
  }

  // A person says what stands in a field.
  save(page, name, value) {
    page.edits.set(name, value);
    page.drafts.delete(name);
    this.#show(page, {});
    this.#flush(page);
  }

  #page(name, file) {
    const page = { key: (keys += 1), name, file, state: "waiting", record: null, saved: null, failure: null, edits: new Map(), drafts: new Map(), tries: 0 };
    this.pages.push(page);
    return page;
  }

  async #work() {
    this.#running += 1;
    while (this.#queue.length && !this.#giveUp.signal.aborted) await this.#read(this.#queue.shift());
    this.#running -= 1;
  }

  async #read(page) {
    const { signal } = this.#giveUp;
    this.#show(page, { state: "reading" });
    try {
      if (page.file.size > this.#maxBytes) throw new Failure("too-large");
      const record = await this.store.read(page.file, signal);
      const known = record.id !== null && this.pages.find(({ saved }) => saved?.id === record.id);
      if (!this.pages.includes(page)) return; // removed meanwhile
      if (known) this.#forget(page);
      else this.#show(page, { state: "read", saved: record, record });
    } catch (failure) {
      if (signal.aborted || !this.pages.includes(page)) return;
      if (failure.isTransient) page.timer = setTimeout(() => this.retry([page]), retryDelay(failure, page.tries));
      page.tries += 1;
      this.#show(page, { state: "failed", failure });
    }
  }

  #forget(page) {
    this.pages = this.pages.filter((other) => other !== page);
    this.emit("removed", page);
    this.emit("known", page);
  }

  // Sends the page's corrections, and again those that come meanwhile.
  async #flush(page) {
    if (page.isSaving) return;
    page.isSaving = true;
    for (let tries = 0; page.edits.size && !this.#giveUp.signal.aborted; tries += 1) {
      const sent = new Map(page.edits);
      try {
        page.saved = await this.store.save(page.saved, Object.fromEntries(sent));
        for (const [name, value] of sent) if (page.edits.get(name) === value) page.edits.delete(name);
        tries = -1;
      } catch (failure) {
        if (failure.isTransient) await new Promise((done) => setTimeout(done, retryDelay(failure, tries)));
        else this.#reject(page, sent, failure);
      }
      this.#show(page, {});
    }
    page.isSaving = false;
    this.emit("saved");
  }

  // Somebody else was faster, or the server takes no such value: what was typed stays, to be looked at again.
  #reject(page, sent, failure) {
    page.saved = failure.problem.record ?? page.saved;
    for (const [name, value] of sent) {
      page.edits.delete(name);
      page.drafts.set(name, { value, failure });
    }
  }

  #show(page, changes) {
    Object.assign(page, changes);
    if (page.saved) {
      const corrected = [...page.edits].reduce((record, [name, value]) => correct(record, name, value), page.saved);
      page.record = page.edits.size ? judge(corrected, this.store.cells) : page.saved;
    }
    this.emit("change", page);
  }
}
