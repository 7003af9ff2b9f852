// The fields' boxes over the picture of the blank form: drawn, moved and resized by a pointer. Fires "select" with a
// name, "draw" with a new box, "move" with { name, box }, and "moved" with a name when the pointer is up.

import { Component, listen } from "../component.js";
import { svg } from "../svg.js";
import { boxBetween, clampBox, MIN_BOX_PX } from "./template.js";

const CORNERS = [[0, 0], [1, 0], [0, 1], [1, 1]];

export class BoxEditor extends Component {
  #overlay;
  #picture;
  #size = [1, 1];
  #fields = {};
  #drag = null; // { name, from, box, corner } while the pointer is down
  #rubber = svg("rect", { class: "box-new" });

  constructor(picture, overlay) {
    super();
    this.#picture = picture;
    this.#overlay = overlay;
  }

  listen(signal) {
    const up = () => this.#up();
    listen(this.#overlay, { pointerdown: (event) => this.#down(event), pointermove: (event) => this.#move(event), pointerup: up, pointercancel: () => this.#cancel() }, signal);
    const observer = new ResizeObserver(() => this.#scale()); // and when it is first shown
    observer.observe(this.#overlay);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  // url: of the picture with size [width, height].
  show(url, size) {
    this.#size = size;
    Object.assign(this.#picture, { src: url, width: size[0], height: size[1] });
    this.#overlay.setAttribute("viewBox", `0 0 ${size.join(" ")}`);
  }

  draw(fields, selected) {
    this.#fields = fields;
    const shapes = Object.entries(fields).map(([name, field]) => shape(name, field, name === selected));
    this.#overlay.replaceChildren(...shapes, this.#rubber);
  }

  // Names and handles have the same size on each screen.
  #scale() {
    this.#overlay.style.setProperty("--unit", `${this.#size[0] / Math.max(this.#overlay.clientWidth, 1)}px`);
  }

  #point({ clientX, clientY }) {
    const { left, top, width, height } = this.#overlay.getBoundingClientRect();
    return [((clientX - left) / width) * this.#size[0], ((clientY - top) / height) * this.#size[1]];
  }

  #down(event) {
    if (event.button !== 0 || this.#drag) return;
    const { name, corner } = event.target.closest("[data-name]")?.dataset ?? {};
    if (!name && event.pointerType === "touch") return; // the page scrolls; a new box comes by its button
    event.preventDefault();
    this.#overlay.setPointerCapture(event.pointerId);
    this.#drag = { name, corner: CORNERS[corner], box: this.#fields[name]?.box, from: this.#point(event) };
    if (name) this.emit("select", name);
  }

  #move(event) {
    if (!this.#drag) return;
    const { name, from, box, corner } = this.#drag;
    const to = this.#point(event);
    if (!name) this.#stretch(boxBetween(from, to, this.#size));
    else this.emit("move", { name, box: corner ? resized(box, corner, to, this.#size) : moved(box, from, to, this.#size) });
  }

  #stretch(box) {
    this.#drag.box = box;
    ["x", "y", "width", "height"].forEach((key, index) => this.#rubber.setAttribute(key, box[index]));
  }

  #up() {
    const { name, box } = this.#drag ?? {};
    this.#cancel();
    if (name) this.emit("moved", name);
    else if (box && Math.min(box[2], box[3]) > MIN_BOX_PX) this.emit("draw", box);
  }

  #cancel() {
    this.#drag = null;
    for (const key of ["width", "height"]) this.#rubber.setAttribute(key, 0);
  }
}

const moved = ([x, y, width, height], from, to, size) => clampBox([x + to[0] - from[0], y + to[1] - from[1], width, height], size);

// The opposite corner stays.
function resized([x, y, width, height], [right, lower], to, size) {
  return boxBetween([right ? x : x + width, lower ? y : y + height], to, size);
}

function shape(name, { box: [x, y, width, height], rows = 1, columns, boxes = 1 }, isSelected) {
  const [across, down] = [columns ?? boxes, rows];
  const group = svg("g", { class: isSelected ? "box box-selected" : "box", "data-name": name });
  group.append(svg("rect", { x, y, width, height }));
  const line = (x1, y1, x2, y2) => group.append(svg("line", { x1, y1, x2, y2 }));
  for (let index = 1; index < across; index += 1) line(x + (width * index) / across, y, x + (width * index) / across, y + height);
  for (let index = 1; index < down; index += 1) line(x, y + (height * index) / down, x + width, y + (height * index) / down);
  group.append(svg("text", { x, y, dx: ".35em", dy: "1.15em" }, [name]));
  if (isSelected) CORNERS.forEach(([right, lower], corner) => group.append(svg("circle", { cx: x + right * width, cy: y + lower * height, "data-name": name, "data-corner": corner })));
  return group;
}
