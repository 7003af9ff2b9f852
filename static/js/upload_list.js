// The list of uploaded pictures and their answers. One request a picture, two at a time: answers appear as they come,
// and a bad picture costs only itself. Fires "answer" with { file, answer }.

import { Failure, retryDelay } from "./client.js";
import { create, Component, moveFocus } from "./component.js";
import { UploadItem } from "./upload_item.js";

const CONCURRENCY = 2;

export class UploadList extends Component {
  #panel;
  #list;
  #head;
  #news;
  #ask;
  #maxBytes;
  #items = [];
  #queue = [];
  #running = 0;
  #giveUp = new AbortController();

  // ask(file, signal, isNumber) gives a promise of the answer.
  constructor(panel, ask, maxBytes) {
    super();
    this.#panel = panel;
    this.#list = panel.querySelector("#results");
    this.#head = panel.querySelector("#pictures-head");
    this.#news = panel.querySelector("#pictures-news");
    this.#ask = ask;
    this.#maxBytes = maxBytes;
  }

  listen(signal) {
    this.#head.querySelector("button").addEventListener("click", () => this.clear(), { signal });
    addEventListener("online", () => this.#again(this.#items.filter(({ isBad }) => !isBad)), { signal });
    signal.addEventListener("abort", () => this.clear());
  }

  add(files, rule) {
    const items = files.map((file) => new UploadItem(file, rule, (item) => this.#retry([item])));
    this.#items.push(...items);
    this.#list.prepend(...items.map(({ element }) => element));
    this.#enqueue(items);
  }

  // The same answers by another rule.
  applyPolicy(rule) {
    for (const item of this.#items) item.applyPolicy(rule);
  }

  // All of them once more, for another kind of answer.
  retryAll() {
    this.#stop();
    for (const item of this.#items) item.isNumber = false;
    this.#retry(this.#items);
  }

  clear() {
    this.#stop();
    for (const item of this.#items) item.release();
    this.#items = [];
    this.#list.replaceChildren();
    this.#news.replaceChildren();
    moveFocus(this.#head, this.#panel.querySelector("#files"));
    this.#count();
  }

  #stop() {
    this.#giveUp.abort();
    this.#giveUp = new AbortController();
    this.#queue = [];
  }

  #enqueue(items) {
    this.#queue.push(...items);
    while (this.#running < CONCURRENCY && this.#queue.length) this.#work();
    this.#count();
  }

  async #work() {
    this.#running += 1;
    while (this.#queue.length) await this.#read(this.#queue.shift(), this.#giveUp.signal);
    this.#running -= 1;
  }

  async #read(item, signal) {
    item.showReading();
    try {
      if (item.file.size > this.#maxBytes) throw new Failure("too-large"); // no need to send it first
      const answer = await this.#ask(item.file, signal, item.isNumber);
      item.showAnswer(answer);
      this.emit("answer", { file: item.file, answer });
    } catch (failure) {
      if (signal.aborted) return;
      item.showFailure(failure);
      if (failure.isTransient) item.timer = setTimeout(() => this.#again([item]), retryDelay(failure, item.tries));
      item.tries += 1;
    }
    if (item.news !== item.told) this.#news.append(create("p", {}, (item.told = item.news)));
    this.#count();
  }

  // Those of `items` that failed are asked about once more; those under way stay.
  #again(items) {
    this.#retry(items.filter(({ element }) => element.dataset.state === "fault"));
  }

  #retry(items) {
    for (const item of items) item.showWaiting();
    this.#enqueue(items);
  }

  #count() {
    const count = this.#items.length;
    const done = this.#items.filter(({ isDone }) => isDone).length;
    const bad = this.#items.filter(({ isBad }) => isBad).length;
    this.#head.hidden = count === 0;
    const progress = this.#head.querySelector("progress");
    Object.assign(progress, { max: Math.max(count, 1), value: done });
    progress.toggleAttribute("data-done", done === count);
    const unread = bad ? `, ${bad} without an answer` : "";
    const words = done < count ? `${done} of ${count} done` : `${count} ${count === 1 ? "picture" : "pictures"}${unread}`;
    const told = this.#head.querySelector("p");
    if (told.textContent !== words) told.textContent = words; // a screen reader would say the same again
  }
}
