// The list of uploaded pictures and their answers. One request a picture, two at a time: answers appear as
// they come, and a bad picture costs only itself.

import { Failure } from "./client.js";
import { pictureFailureWords, predictionWords } from "./words.js";

const AT_ONCE = 2;
const RETRY_MS = 3_000;
const NO_PICTURE = new URL("../no_picture.svg", import.meta.url).href;

export class PictureList {
  #section;
  #list;
  #template = document.getElementById("result");
  #ask;
  #maxBytes;
  #queue = [];
  #running = 0;
  #giveUp = new AbortController();

  constructor(section, ask, maxBytes) {
    this.#section = section;
    this.#list = section.querySelector("ul");
    this.#ask = ask;
    this.#maxBytes = maxBytes;
    section.querySelector("button").addEventListener("click", () => this.clear());
  }

  add(files) {
    this.#section.hidden = false;
    const entries = files.map((file) => ({ file, item: this.#item(file) }));
    this.#list.prepend(...entries.map(({ item }) => item));
    this.#queue.push(...entries);
    this.#section.scrollIntoView({ block: "nearest" });
    while (this.#running < AT_ONCE && this.#queue.length) this.#work();
  }

  clear() {
    this.#giveUp.abort();
    this.#giveUp = new AbortController();
    this.#queue = [];
    for (const thumb of this.#list.querySelectorAll(".thumb")) URL.revokeObjectURL(thumb.src);
    this.#list.replaceChildren();
    this.#section.hidden = true;
  }

  async #work() {
    this.#running += 1;
    while (this.#queue.length) await this.#read(this.#queue.shift(), this.#giveUp.signal);
    this.#running -= 1;
  }

  async #read({ file, item }, signal) {
    while (!signal.aborted) {
      try {
        if (file.size > this.#maxBytes) throw new Failure("too-large"); // no need to send it first
        showPrediction(item, await this.#ask(file, signal));
        return;
      } catch (failure) {
        if (signal.aborted) return;
        show(item, "fault", pictureFailureWords(failure));
        if (!failure.passes) return;
        await chanceToRetry(signal);
      }
    }
  }

  #item(file) {
    const item = this.#template.content.firstElementChild.cloneNode(true);
    const thumb = item.querySelector(".thumb");
    thumb.addEventListener("error", () => (thumb.src = NO_PICTURE), { once: true }); // TIFF, or no picture at all
    thumb.src = URL.createObjectURL(file);
    item.querySelector(".result-name").textContent = file.name;
    return item;
  }
}

function showPrediction(item, prediction) {
  show(item, prediction.accepted ? "sure" : "doubt", predictionWords(prediction));
  const ink = item.querySelector(".ink");
  ink.src = prediction.ink;
  ink.alt = "The picture as the network saw it";
  ink.hidden = false;
}

function show(item, state, { headline, note }) {
  item.dataset.state = state;
  item.querySelector(".result-headline").textContent = headline;
  item.querySelector(".result-note").textContent = note;
}

// Resolves after a while, or at once when the connection is back or nobody waits any more.
function chanceToRetry(signal) {
  return new Promise((resolve) => {
    setTimeout(resolve, RETRY_MS);
    addEventListener("online", resolve, { once: true });
    signal.addEventListener("abort", resolve, { once: true });
  });
}
