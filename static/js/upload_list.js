// The board of pictures and their answers. One request a picture, two at a time: answers appear as they come, the doubtful
// ones first, and a bad picture costs only itself. Fires "answer" with { file, answer }, and with an
// item "settled", when it has an answer or none, and "open".

import { retryDelay } from "./client.js";
import { create, Component, moveFocus } from "./component.js";
import { showProgress } from "./pictures_head.js";
import { UploadItem } from "./upload_item.js";

const CONCURRENCY = 2;
const AT_ONCE = 20; // tiles in one task

export class UploadList extends Component {
  #part = (name) => this.panel.querySelector(name);
  #ask;
  #maxBytes;
  #rule;
  #items = [];
  #removed = []; // what undo gives back
  #queue = [];
  #running = 0;
  #giveUp = new AbortController();

  // ask(file, signal) gives a promise of the answer.
  constructor(panel, ask, maxBytes) {
    super();
    this.panel = panel;
    this.#ask = ask;
    this.#maxBytes = maxBytes;
  }

  listen(signal) {
    this.#part("#dismiss").addEventListener("click", () => this.#remove(this.#items), { signal });
    this.#part("#pictures-undo").addEventListener("click", () => this.#undo(), { signal });
    const failed = () => this.#items.filter(({ state, isBad }) => state === "fault" && !isBad); // others are under way
    addEventListener("online", () => this.#retry(failed()), { signal });
    signal.addEventListener("abort", () => this.#stop());
  }

  async add(files, rule) {
    this.#forget();
    this.#rule = rule;
    const { signal } = this.#giveUp;
    const end = document.createComment(""); // of the new tiles
    this.#part("#results").prepend(end);
    for (let first = 0; first < files.length && !signal.aborted; first += AT_ONCE) {
      if (first > 0) await new Promise((resolve) => setTimeout(resolve));
      const items = files.slice(first, first + AT_ONCE).map((file) => new UploadItem(file, this.#rule, this));
      this.#items.push(...items);
      end.before(...items.map(({ element }) => element));
      this.#enqueue(items);
    }
    end.remove();
  }

  // The same answers by another rule.
  applyPolicy(rule) {
    this.#rule = rule;
    for (const item of this.#items) item.applyPolicy(rule);
  }

  // Does what a button of an item says.
  act(name, item) {
    if (name === "remove") this.#remove([item]);
    else if (name === "open") this.emit("open", item);
    else this.read(item);
  }

  // Asks about an item once more, as after it was turned.
  read(item) {
    item.tries = 0;
    this.#retry([item]);
  }

  #remove(items) {
    this.#forget();
    this.#removed = items;
    const gone = new Set(items);
    this.#items = this.#items.filter((item) => !gone.has(item));
    this.#queue = this.#queue.filter((item) => !gone.has(item));
    if (this.#items.length === 0) this.#stop();
    this.#count();
    for (const { element } of items) moveFocus(element, this.#part("#pictures-undo"));
    moveFocus(this.#part("#dismiss"), this.#part("#pictures-undo"));
    for (const { element } of items) element.remove();
  }

  #undo() {
    const items = this.#removed;
    this.#removed = [];
    this.#items.push(...items);
    this.#part("#results").prepend(...items.map(({ element }) => element));
    this.#part("#dismiss").focus();
    this.#retry(items.filter(({ isDone }) => !isDone));
  }

  // What was removed is gone for good.
  #forget() {
    for (const item of this.#removed) item.release();
    this.#removed = [];
  }

  #stop() {
    this.#giveUp.abort();
    this.#giveUp = new AbortController();
    this.#queue = [];
    this.#part("#pictures-news").replaceChildren();
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
    const asked = (item.asked += 1);
    try {
      const answer = await item.askWith(this.#ask, this.#maxBytes, signal);
      if (asked !== item.asked) return; // it was turned meanwhile
      item.showAnswer(answer);
      this.emit("answer", { file: item.file, answer });
    } catch (failure) {
      if (signal.aborted || asked !== item.asked) return;
      item.showFailure(failure);
      if (failure.isTransient) item.timer = setTimeout(() => item.state === "fault" && this.#retry([item]), retryDelay(failure, item.tries));
      item.tries += 1;
    }
    if (item.state !== "sure" && !item.element.contains(document.activeElement)) this.#part("#results").prepend(item.element);
    if (item.news !== item.announced) this.#part("#pictures-news").append(create("p", {}, (item.announced = item.news)));
    this.emit("settled", item);
    this.#count();
  }

  #retry(items) {
    for (const item of items) item.showWaiting();
    this.#enqueue(items);
  }

  #count() {
    showProgress(this.panel, this.#items, this.#removed.length);
  }
}
