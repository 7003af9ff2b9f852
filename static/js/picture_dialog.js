// One picture of the board, large: its boxes, its answer, and what can be done about both. Fires "edit" with
// { item, file }, a turned or cropped file, "report" with the item, and "remove" with it.

import { AnswerView } from "./answer_view.js";
import { Component } from "./component.js";
import { isReading } from "./decision.js";
import { drawBoxes } from "./digit_boxes.js";
import { CROP_HINT } from "./messages.js";
import { cropped, turned } from "./picture_edit.js";

const MARGIN = 0.012; // as on the board
const SMALLEST_PX = 8; // a shorter drag is a tap

export class PictureDialog extends Component {
  #part = (name) => this.#dialog.querySelector(name);
  #dialog;
  #view;
  #rule;
  #item = null;
  #from = null; // where a crop begins

  // rule() gives the one that holds.
  constructor(dialog, rule) {
    super();
    this.#dialog = dialog;
    this.#rule = rule;
    this.#view = new AnswerView(this.#part(".answer"));
  }

  listen(signal) {
    this.#view.addEventListener("choose", () => this.#mark(), { signal });
    this.#part("img").addEventListener("load", () => this.#mark(), { signal });
    const does = { turn: () => this.#edit(turned(this.#item.file)), report: () => this.emit("report", this.#item), remove: () => this.#remove() };
    for (const [name, act] of Object.entries(does)) {
      this.#part(`[data-do=${name}]`).addEventListener("click", act, { signal });
    }
    const boxes = this.#part(".boxes");
    boxes.addEventListener("pointerdown", (event) => this.#begin(event), { signal });
    boxes.addEventListener("pointermove", (event) => this.#from && this.#show(this.#area(event)), { signal });
    boxes.addEventListener("pointerup", (event) => this.#end(event), { signal });
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
    this.#mark();
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
    const { answer } = this.#item;
    const { naturalWidth: width, naturalHeight: height } = this.#part("img");
    this.#part(".boxes").setAttribute("viewBox", `0 0 ${width || 1} ${height || 1}`);
    const digits = answer && isReading(answer) ? answer.digits : [];
    drawBoxes(this.#part(".boxes"), digits, this.#rule(), this.#view.chosen, MARGIN * Math.max(width, height));
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
