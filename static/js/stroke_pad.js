// A sheet to write on, of any shape. Strokes are the truth, pixels a view of them. Fires "change" whenever the strokes are
// others, its detail false while the pen is down, and "view" when another part of the drawing's plane is in sight.

import * as drawings from "./drawing.js";
import { listen, Component } from "./component.js";
import { sheetView } from "./geometry.js";
import { InkPainter } from "./ink_painter.js";

const NEAREST_PX = 1; // points closer than this say nothing new

export class StrokePad extends Component {
  #canvas;
  #painter;
  #drawing = drawings.EMPTY;
  #penId = null;
  #overlay = null;
  #frame = 0;
  #view = { scale: 1, x: 0, y: 0 }; // CSS pixels to a unit of the drawing, and what is at the sheet's upper left corner

  // penWidth is in the drawing's units. It is for the eye, the saved file and the report: the server draws the strokes
  // again with a pen of its own, because a network that sees one pen reads best.
  constructor(canvas, penWidth) {
    super();
    this.#canvas = canvas;
    this.#painter = new InkPainter(canvas);
    this.penWidth = penWidth;
  }

  listen(signal) {
    const end = (event) => event.pointerId === this.#penId && this.#set(this.#drawing, null);
    const redraw = () => this.#redrawSoon();
    listen(this.#canvas, {
      pointerdown: (event) => this.#begin(event),
      pointermove: (event) => event.pointerId === this.#penId && this.#extend(event),
      pointerup: end,
      pointercancel: end,
      contextmenu: (event) => event.preventDefault(), // a long press is a slow stroke
    }, signal);
    listen(window, { resize: redraw }, signal); // a zoom changes the pixels, not always the size
    const observer = new ResizeObserver(() => this.#look());
    observer.observe(this.#canvas);
    signal.addEventListener("abort", () => observer.disconnect());
    this.#look();
  }

  get strokes() {
    return this.#drawing.strokes;
  }

  get drawing() {
    return this.#drawing;
  }

  // Another one, with its own undo and redo.
  set drawing(drawing) {
    this.#change(drawing);
  }

  // What is in sight, in the drawing's units, as an SVG's viewBox.
  get viewBox() {
    const { scale, x, y } = this.#view;
    return [x, y, this.#canvas.clientWidth / scale, this.#canvas.clientHeight / scale].join(" ");
  }

  // A picture that colours the ink, { picture, x, y, width, height } in the drawing's units, or null. It lasts as long
  // as the strokes are the same.
  set overlay(overlay) {
    this.#overlay = overlay;
    this.#redrawSoon();
  }

  undo() {
    this.#change(drawings.undo(this.#drawing));
  }

  redo() {
    this.#change(drawings.redo(this.#drawing));
  }

  clear() {
    this.replace([]);
  }

  replace(strokes) {
    this.#change(drawings.replaced(this.#drawing, strokes));
  }

  // Adds strokes that were written before the page was ready, in the window's pixels; one that goes on has a pointer.
  adopt(strokes, penId) {
    for (const points of strokes) {
      const [first, ...rest] = points.map(([clientX, clientY]) => this.#place({ clientX, clientY }));
      this.#drawing = drawings.extend(drawings.begin(this.#drawing, this.penWidth, first), rest);
    }
    if (strokes.length) this.#set(this.#drawing, penId);
  }

  #begin(event) {
    // One pen at a time: a second finger or the palm next to a pen writes nothing.
    if (this.#penId !== null || event.button !== 0) return;
    event.preventDefault(); // and so the focus would stay elsewhere, and the keys with it
    document.activeElement.blur();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#set(drawings.begin(this.#drawing, this.penWidth, this.#place(event)), event.pointerId);
  }

  #extend(event) {
    const events = event.getCoalescedEvents?.() ?? [];
    const points = (events.length ? events : [event]).map((moved) => this.#place(moved));
    this.#set(drawings.extend(this.#drawing, points, NEAREST_PX / this.#view.scale), this.#penId);
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    const { scale, x, y } = this.#view;
    return [x + (event.clientX - box.left) / scale, y + (event.clientY - box.top) / scale];
  }

  // All of the drawing is in sight, however the sheet was turned or resized; while it fits, its scale is the sheet's own.
  #look() {
    const { clientWidth, clientHeight } = this.#canvas;
    if (clientWidth === 0 || clientHeight === 0) return; // its tab is not shown
    this.#view = sheetView(clientWidth, clientHeight, this.strokes);
    this.emit("view");
    this.#redraw();
  }

  // A step by button or key also ends a stroke that is under way.
  #change(drawing) {
    if (drawing === this.#drawing) return;
    this.#set(drawing, null);
    this.#look();
  }

  #set(drawing, penId) {
    if (drawing.strokes !== this.strokes) this.#overlay = null;
    this.#drawing = drawing;
    this.#penId = penId;
    this.#redrawSoon();
    this.emit("change", penId === null);
  }

  #redrawSoon() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#redraw());
  }

  #redraw() {
    this.#frame = 0;
    if (this.#canvas.clientWidth > 0) this.#painter.paint(this.strokes, this.#view, this.#overlay); // its tab is shown
  }
}
