// The history's tab: the entries, their labels and the exports. Fires "reopen" and "report" with an entry.

import { download } from "./download.js";
import { toCsv, toJson, toStrokeLines } from "./export_rows.js";
import { create, Component, moveFocus } from "./component.js";
import { drawingPicture, NO_PICTURE, NUMBER_BOX } from "./svg.js";
import { isReading, decide } from "./decision.js";
import { resultMessage, correctionMessage, undoMessage, textOf, unsavedMessage } from "./messages.js";

const EXPORTS = { json: ["application/json", toJson], csv: ["text/csv", toCsv], jsonl: ["text/plain", toStrokeLines] };

export class HistoryView extends Component {
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
    this.#history.subscribe(window, signal);
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
    const { entries, unsavedCount, pendingUndo } = this.#history;
    this.#toggle("#history-none", entries.length === 0, this.panel);
    this.#toggle("#history-undo", pendingUndo, this.panel);
    this.#toggle("#exports", entries.length > 0, this.#rest);
    this.#say(pendingUndo ? undoMessage(entries.length) : unsavedMessage(unsavedCount, entries.length));
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
    this.#say("It is back.");
  }

  #item(entry) {
    const item = this.#part("#entry").content.firstElementChild.cloneNode(true);
    const part = (name) => item.querySelector(name);
    item.dataset.state = decide(entry, this.#rule());
    part(".entry-picture").append(pictureOf(entry));
    const { headline } = resultMessage(entry, this.#rule());
    const showLabel = () => (part(".result-headline").textContent = headline + correctionMessage(this.#history.find(entry.id)));
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
      part(`[data-do=${name}]`).addEventListener("click", () => this.emit(name, this.#history.find(entry.id)));
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
