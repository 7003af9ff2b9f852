// The history's tab: the entries, their labels and the exports. Fires "reopen" and "report" with an entry.

import { download } from "./download.js";
import { toCsv, toJson, toStrokeLines } from "./export_rows.js";
import { create, Part, passFocus } from "./part.js";
import { drawingPicture, NO_PICTURE, NUMBER_BOX } from "./svg.js";
import { isReading, verdict } from "./verdict.js";
import { answerWords, correctedWords, takenWords, textOf, unkeptWords } from "./words.js";

const EXPORTS = { json: ["application/json", toJson], csv: ["text/csv", toCsv], jsonl: ["text/plain", toStrokeLines] };

export class HistoryView extends Part {
  #part = (name) => this.panel.querySelector(name);
  #history;
  #rule;

  // rule() gives the one that holds.
  constructor(panel, history, rule) {
    super();
    this.panel = panel;
    this.#history = history;
    this.#rule = rule;
  }

  listen(signal) {
    this.#history.addEventListener("change", ({ detail: isLabel }) => (isLabel ? this.#drawRest() : this.draw()), { signal });
    this.#history.watch(window, signal);
    for (const button of this.panel.querySelectorAll("[data-export]")) {
      button.addEventListener("click", () => this.#write(button.dataset.export), { signal });
    }
    this.#part("#history-clear").addEventListener("click", () => this.#history.clear(), { signal });
    this.#part("#history-undo").addEventListener("click", () => this.#undo(), { signal });
    this.draw();
  }

  // Anew from the history, by the rule that now holds. The focus stays in its place.
  draw() {
    const { entries } = this.#history;
    const list = this.#part("#entries");
    const { activeElement: active } = document;
    const at = [...list.children].findIndex((item) => item.contains(active));
    list.replaceChildren(...entries.map((entry) => this.#item(entry)));
    this.#drawRest();
    if (at < 0) return;
    const next = list.children[Math.min(at, entries.length - 1)];
    (next?.querySelector(`[data-do=${active.dataset.do}]`) ?? this.#rest).focus();
  }

  #drawRest() {
    const { entries, unkept, taken } = this.#history;
    this.#toggle("#history-none", entries.length === 0, this.panel);
    this.#toggle("#history-undo", taken, this.panel);
    this.#toggle("#exports", entries.length > 0, this.#rest);
    this.#say(taken ? takenWords(entries.length) : unkeptWords(unkept, entries.length));
  }

  #toggle(name, shown, next) {
    if (!shown) passFocus(this.#part(name), next);
    this.#part(name).hidden = !shown;
  }

  // Where the focus goes when the list is empty.
  get #rest() {
    return this.#part(this.#history.taken ? "#history-undo" : "#history-none a");
  }

  #undo() {
    this.#history.undo();
    this.#part("#history-clear").focus();
    this.#say("It is back.");
  }

  #item(entry) {
    const item = this.#part("#entry").content.firstElementChild.cloneNode(true);
    const part = (name) => item.querySelector(name);
    item.dataset.state = verdict(entry, this.#rule());
    part(".entry-picture").append(pictureOf(entry));
    const { headline } = answerWords(entry, this.#rule());
    const showLabel = () => (part(".result-headline").textContent = headline + correctedWords(this.#history.find(entry.id)));
    showLabel();
    part(".result-name").textContent = [new Date(entry.at).toLocaleString(), entry.name].filter(Boolean).join(", ");
    part(".ink").src = entry.ink ?? "";
    part(".ink").hidden = !entry.ink;
    part(isReading(entry) ? "select" : "input").remove();
    const label = part("[data-do=label]");
    label.value = entry.label;
    // At every key and in place: a button that moves under the click that leaves the field would not be pressed.
    label.addEventListener("input", () => {
      if (!label.reportValidity()) return;
      this.#history.label(entry.id, label.value);
      showLabel();
    });
    part("[data-do=reopen]").hidden = entry.source !== "drawing";
    part("[data-do=remove]").addEventListener("click", () => this.#history.remove(entry.id));
    for (const name of ["reopen", "report"]) {
      part(`[data-do=${name}]`).addEventListener("click", () => this.fire(name, this.#history.find(entry.id)));
    }
    return item;
  }

  #write(kind) {
    const [type, write] = EXPORTS[kind];
    const text = write(this.#history.entries, this.#rule());
    if (text) download(`digitrec-history.${kind}`, type, text);
    else this.#say("There is no drawing with a label yet: draw a digit, or set the right answer of one.");
  }

  #say(text) {
    this.#part("#history-note").textContent = text;
  }
}

export function pictureOf(entry) {
  const { source, strokes, thumb, name } = entry;
  if (source === "picture") return create("img", { src: thumb || NO_PICTURE, alt: `The picture ${name}` });
  return drawingPicture(strokes, `A drawing, read as ${textOf(entry)}`, isReading(entry) ? NUMBER_BOX : undefined);
}
