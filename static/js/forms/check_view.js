// The check of one doubtful field after the other, by keyboard alone: Enter accepts, digits overwrite, the arrows up and
// down go to another field, Escape undoes. Fires "accept" with { page, name, value }.

import { Component, listen, moveFocus } from "../component.js";
import { violationsOf } from "./records.js";
import * as texts from "./texts.js";

export class CheckView extends Component {
  #root;
  #part = (name) => this.#root.querySelector(`#check-${name}`);
  #queue;
  #store;
  #rest;
  #shown = {}; // what is on the screen: { page, name, value }
  #url = "";
  #isOpened = false; // by hand, whether or not there is a doubt
  #hadFocus = false; // when it was hidden

  // rest: what takes the focus when nothing is left to check.
  constructor(root, rest) {
    super();
    this.#root = root;
    this.#rest = rest;
  }

  listen(signal) {
    listen(this.#root, { submit: (event) => (event.preventDefault(), this.#accept()), keydown: (event) => this.#press(event) }, signal);
    this.#part("input").addEventListener("focus", ({ target }) => target.select(), { signal }); // digits overwrite
    this.#part("previous").addEventListener("click", () => this.#move(-1), { signal });
    this.#part("next").addEventListener("click", () => this.#move(1), { signal });
    signal.addEventListener("abort", () => this.#release());
  }

  use(store, queue) {
    this.#store = store;
    this.#queue = queue;
    this.#hide();
  }

  // Any field of a page, doubtful or not.
  open(page, name) {
    this.#queue.goTo(page, name);
    this.#isOpened = true;
    this.update();
    this.#part("input").focus();
    this.#root.scrollIntoView({ block: "nearest" });
  }

  // What is shown follows the queue. A field that is being typed into stays as it is.
  update() {
    const { current, position, length, left } = this.#queue;
    if (!current?.page.record || !(left || this.#isOpened)) return this.#hide();
    if (this.#root.hidden) this.#reveal();
    this.#part("progress").textContent = texts.checkProgress(position, length, left);
    Object.assign(this.#root.querySelector("progress"), { max: length, value: length - left });
    return this.#showField(current);
  }

  // A correction that was rejected comes back to who made it.
  #reveal() {
    this.#root.hidden = false;
    if (this.#hadFocus && document.activeElement === this.#rest) this.#part("input").focus();
  }

  #showField({ page, name }) {
    const field = page.record.fields[name];
    const draft = page.drafts.get(name);
    const violations = violationsOf(page.record, name);
    const why = draft ? texts.draftMessage(draft, field.value) : texts.doubtMessage(field, violations);
    const isNew = page !== this.#shown.page || name !== this.#shown.name;
    const isChanged = draft !== this.#shown.draft || (field.value !== this.#shown.value && !this.#isTyped);
    this.#root.dataset.state = violations.length ? "violation" : "";
    this.#part("why").textContent = why;
    if (isNew) this.#showImage(page, name);
    if (isNew || isChanged) this.#fill(field, page, name, draft);
    if (isNew) this.#say([texts.checkTitle(name, page.name), this.#part("progress").textContent, why].join(". "));
  }

  #fill(field, page, name, draft) {
    this.#shown = { page, name, value: field.value, draft };
    this.#part("label").textContent = name;
    this.#part("page").textContent = page.name;
    const input = this.#part("input");
    input.value = draft?.value ?? field.value;
    if (document.activeElement === input) input.select();
  }

  get #isTyped() {
    return this.#part("input").value !== (this.#shown.draft?.value ?? this.#shown.value);
  }

  #showImage(page, name) {
    this.#release();
    this.#url = this.#store.imageUrl(page.record, name);
    Object.assign(this.#part("image"), { src: this.#url, alt: texts.imageLabel(name), hidden: !this.#url });
  }

  #release() {
    if (this.#url.startsWith("blob:")) URL.revokeObjectURL(this.#url);
    this.#url = "";
  }

  #hide() {
    if (this.#root.hidden) return;
    this.#say(texts.ALL_CHECKED);
    this.#hadFocus = this.#root.contains(document.activeElement);
    moveFocus(this.#root, this.#rest);
    this.#release();
    this.#shown = {};
    this.#root.hidden = true;
  }

  #accept() {
    const { page, name } = this.#shown;
    this.emit("accept", { page, name, value: this.#part("input").value.trim() });
    this.#isOpened = this.#queue.next();
    this.update();
  }

  #move(by) {
    this.#queue.move(by);
    this.update();
    this.#part("input").focus();
  }

  #press(event) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target !== this.#part("input")) return;
    if (by) this.#move(by);
    else if (event.key === "Escape") this.#undo();
    else return;
    event.preventDefault();
  }

  // First what was typed, then what was corrected: what was read comes back.
  #undo() {
    const { page, name } = this.#shown;
    const input = this.#part("input");
    const field = page.record.fields[name];
    page.drafts.delete(name);
    input.value = this.#isTyped || this.#shown.draft ? field.value : field.text;
    input.select();
    this.#shown.draft = undefined;
    this.update();
  }

  #say(words) {
    this.#root.parentElement.querySelector("#check-said").textContent = words; // it speaks when the rest is hidden, too
  }
}
