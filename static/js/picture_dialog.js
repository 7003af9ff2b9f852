// One picture of the board, large: its boxes, its answer, and what can be done about both. Fires "edit" with
// { item, file }, a turned or cropped file, "label" with { item, label }, "report" with the item, and "remove" with it.

import { AnswerView } from "./answer_view.js";
import { Component, listen } from "./component.js";
import { isReading } from "./decision.js";
import { drawBoxesOver } from "./digit_boxes.js";
import { Explainer } from "./explainer.js";
import { Feedback, speak } from "./feedback.js";
import { CROP_HINT, textOf } from "./messages.js";
import { cropped, turned } from "./picture_edit.js";

const SMALLEST_PX = 8; // a shorter drag is a tap

export class PictureDialog extends Component {
  #part = (name) => this.#dialog.querySelector(name);
  #dialog;
  #view;
  #rule;
  #feedback;
  #explainer;
  #item = null;
  #from = null; // where a crop begins

  // rule() gives the one that holds; ask(kind, body, options, signal) gives a promise of an answer.
  constructor(dialog, rule, ask) {
    super();
    this.#dialog = dialog;
    this.#rule = rule;
    this.#view = new AnswerView(this.#part(".answer"));
    this.#feedback = new Feedback(this.#part(".feedback"));
    this.#explainer = new Explainer(this.#part("[role=switch]"), this, ask);
  }

  listen(signal) {
    listen(this.#feedback, {
      label: ({ detail: label }) => this.emit("label", { item: this.#item, label }),
      speak: () => speak(this.#view.words),
    }, signal);
    this.#explainer.addEventListener("change", () => this.#explain(), { signal });
    for (const part of [this.#feedback, this.#explainer]) part.enable();
    this.#view.addEventListener("choose", () => this.#mark(), { signal });
    this.#part("img").addEventListener("load", () => this.#mark(), { signal });
    const does = { turn: () => this.#edit(turned(this.#item.file)), report: () => this.emit("report", this.#item), remove: () => this.#remove() };
    for (const [name, click] of Object.entries(does)) listen(this.#part(`[data-do=${name}]`), { click }, signal);
    listen(this.#part(".boxes"), {
      pointerdown: (event) => this.#begin(event),
      pointermove: (event) => this.#from && this.#show(this.#area(event)),
      pointerup: (event) => this.#end(event),
    }, signal);
  }

  show(item) {
    this.#item = item;
    this.#part("[data-part=file]").textContent = item.file.name;
    this.#part("[data-part=hint]").textContent = CROP_HINT;
    this.update(item);
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  // The item has another answer, or another picture.
  update(item) {
    if (item !== this.#item) return;
    this.#part("img").src = item.address;
    if (item.answer) this.#view.show(item.answer, this.#rule());
    else this.#view.showWords(item.state, item.message);
    this.#feedback.show(item.answer ? textOf(item.answer) : "");
    this.#mark();
    this.#explain();
  }

  // The colours over the ink that the network saw.
  set overlay(overlay) {
    this.#part("canvas")?.remove();
    if (overlay) this.#part(".seen").append(overlay.picture);
  }

  // A number's digits have no files of their own.
  #explain() {
    const { answer, file } = this.#item;
    const isDigit = Boolean(answer) && !isReading(answer);
    this.overlay = null; // of another picture
    this.#part(".switch").hidden = !isDigit;
    this.#explainer.explain(isDigit ? file : null);
  }

  async #edit(made) {
    const item = this.#item;
    try {
      this.emit("edit", { item, file: await made });
    } catch {
      this.#part("[data-part=hint]").textContent = item.message.note; // no picture that the browser can show
    }
  }

  #remove() {
    this.#dialog.close();
    this.emit("remove", this.#item);
  }

  #mark() {
    drawBoxesOver(this.#part("img"), this.#part(".boxes"), this.#item.answer, this.#rule(), this.#view.chosen);
  }

  // A tap on a box looks at its digit, a drag crops.
  #begin(event) {
    event.preventDefault();
    this.#part(".boxes").setPointerCapture(event.pointerId);
    this.#from = event;
  }

  #end(event) {
    const area = this.#area(event);
    const isTap = Math.hypot(event.clientX - this.#from.clientX, event.clientY - this.#from.clientY) < SMALLEST_PX;
    this.#from = null;
    this.#show(null);
    if (!isTap) return this.#edit(cropped(this.#item.file, area));
    const digits = this.#item.answer?.digits ?? [];
    const hit = digits.findIndex(({ box: [x, y, width, height] }) =>
      area.x >= x && area.y >= y && area.x <= x + width && area.y <= y + height);
    if (hit >= 0) this.#view.choose(hit);
  }

  // In the picture's pixels.
  #area({ clientX, clientY }) {
    const toPicture = this.#part(".boxes").getScreenCTM().inverse();
    const [from, to] = [this.#from, { clientX, clientY }].map((event) =>
      new DOMPoint(event.clientX, event.clientY).matrixTransform(toPicture));
    const { naturalWidth, naturalHeight } = this.#part("img");
    const within = (value, most) => Math.min(Math.max(value, 0), most);
    const [left, right] = [from.x, to.x].map((x) => within(x, naturalWidth)).sort((a, b) => a - b);
    const [top, bottom] = [from.y, to.y].map((y) => within(y, naturalHeight)).sort((a, b) => a - b);
    return { x: left, y: top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) };
  }

  #show(area) {
    this.#part(".crop").hidden = !area;
    if (!area) return;
    const shown = this.#part(".boxes").getScreenCTM();
    const frame = this.#part(".picture-frame").getBoundingClientRect();
    const { x, y } = new DOMPoint(area.x, area.y).matrixTransform(shown);
    const place = { left: x - frame.left, top: y - frame.top, width: area.width * shown.a, height: area.height * shown.d };
    for (const [name, value] of Object.entries(place)) this.#part(".crop").style[name] = `${value}px`;
  }
}
