// The history's tab: the entries, their labels and the exports. Fires "reopen" and "report" with an entry.
//
// It costs nothing while it is not shown, and shown, only the entries that changed are made again.

import { Component, moveFocus } from "./component.js";
import { download } from "./download.js";
import { toCsv, toJson, toStrokeLines } from "./export_rows.js";
import { historyItem } from "./history_item.js";
import { correctionMessage, IT_IS_BACK, NO_LABELED_DRAWING, NOT_KEPT, resultMessage, undoMessage } from "./messages.js";

const EXPORTS = { json: ["application/json", toJson], csv: ["text/csv", toCsv], jsonl: ["text/plain", toStrokeLines] };
const AT_ONCE = 6; // entries, in one frame; the rest comes when it is scrolled to

export class HistoryView extends Component {
  #part = (name) => this.panel.querySelector(name);
  #history;
  #ruleOf;
  #items = new WeakMap(); // of an entry, which never changes
  #isShown = false;
  #count = AT_ONCE;
  #more;

  // ruleOf(entry) gives the rule that held.
  constructor(panel, history, ruleOf) {
    super();
    this.panel = panel;
    this.#history = history;
    this.#ruleOf = ruleOf;
  }

  listen(signal) {
    this.#history.addEventListener("change", () => this.#isShown && this.#draw(), { signal });
    for (const button of this.panel.querySelectorAll("[data-export]")) {
      button.addEventListener("click", () => this.#write(button.dataset.export), { signal });
    }
    this.#part("#history-clear").addEventListener("click", () => this.#history.clear(), { signal });
    this.#part("#history-undo").addEventListener("click", () => this.#undo(), { signal });
    this.#more = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && this.#drawMore(), { rootMargin: "800px" });
    this.#more.observe(this.#part("#history-more"));
    signal.addEventListener("abort", () => this.#more.disconnect());
  }

  show() {
    this.#isShown = true;
    this.#draw();
  }

  leave() {
    this.#isShown = false;
    this.#count = AT_ONCE;
    if (this.#history.pendingUndo) this.#history.commit();
  }

  // The focus stays in its place.
  #draw() {
    const list = this.#part("#entries");
    const { activeElement: active } = document;
    const at = [...list.children].findIndex((item) => item.contains(active));
    const wanted = this.#history.entries.slice(0, this.#count).map((entry) => this.#itemOf(entry));
    const isWanted = new Set(wanted);
    for (const item of [...list.children]) if (!isWanted.has(item)) item.remove();
    wanted.forEach((item, index) => list.children[index] === item || list.insertBefore(item, list.children[index] ?? null));
    this.#drawRest();
    if (at < 0 || document.contains(active)) return;
    (list.children[Math.min(at, wanted.length - 1)]?.querySelector(`[data-do=${active.dataset.do}]`) ?? this.#rest).focus();
  }

  #drawMore() {
    if (!this.#isShown || this.#count >= this.#history.entries.length) return;
    this.#count += AT_ONCE;
    this.#draw();
    this.#more.unobserve(this.#part("#history-more")); // it tells again if more has room still
    this.#more.observe(this.#part("#history-more"));
  }

  #drawRest() {
    const { entries, isKept, pendingUndo } = this.#history;
    this.#toggle("#history-none", entries.length === 0, this.panel);
    this.#toggle("#history-undo", pendingUndo, this.panel);
    this.#toggle("#exports", entries.length > 0, this.#rest);
    this.#say(pendingUndo ? undoMessage(entries.length) : isKept || !entries.length ? "" : NOT_KEPT);
  }

  #toggle(name, shown, next) {
    if (!shown) moveFocus(this.#part(name), next);
    this.#part(name).hidden = !shown;
  }

  // Where the focus goes when the list is empty.
  get #rest() {
    return this.#part(this.#history.pendingUndo ? "#history-undo" : "#history-none a");
  }

  #undo() {
    this.#history.undo();
    this.#part("#history-clear").focus();
    this.#say(IT_IS_BACK);
  }

  // A label changes an entry in place: a button that moves under the click that leaves the field would not be pressed.
  #itemOf(entry) {
    const known = this.#items.get(entry);
    if (known) return known;
    const shown = [...this.#part("#entries").children].find(({ dataset }) => dataset.id === entry.id && dataset.at === entry.at);
    const item = shown ?? historyItem(this.#part("#entry"), entry, this.#ruleOf(entry), this);
    item.querySelector(".result-headline").textContent = resultMessage(entry, this.#ruleOf(entry)).headline + correctionMessage(entry);
    const label = item.querySelector("[data-do=label]");
    if (label !== document.activeElement) label.value = entry.label; // another window may have set it
    this.#items.set(entry, item);
    return item;
  }

  // What a button of the entry does.
  act(name, id) {
    if (name === "remove") this.#history.remove(id);
    else this.emit(name, this.#history.find(id));
  }

  label(id, label) {
    this.#history.label(id, label);
  }

  #write(kind) {
    const [type, write] = EXPORTS[kind];
    const text = write(this.#history.entries, this.#ruleOf);
    if (text) download(`digitrec-history.${kind}`, type, text);
    else this.#say(NO_LABELED_DRAWING);
  }

  #say(text) {
    this.#part("#history-note").textContent = text;
  }
}
