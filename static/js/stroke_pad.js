// Paper to write on. Strokes are the truth, pixels a view of them. Fires "change" whenever the strokes are others, its
// detail false while the pen is down.

import * as drawings from "./drawing.js";
import { listen, Component } from "./component.js";

const NEAREST_PX = 1; // points closer than this say nothing new

export class StrokePad extends Component {
  #canvas;
  #context;
  #drawing = drawings.EMPTY;
  #penId = null;
  #overlay = null;
  #paths = new WeakMap(); // a stroke never changes, nor does its path
  #frame = 0;

  // penWidth is in the drawing's units. It is for the eye, the saved file and the report: the server draws the strokes
  // anew with a pen of its own, because a network that sees one pen reads best.
  constructor(canvas, penWidth) {
    super();
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
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
    listen(window, { themechange: redraw, resize: redraw }, signal); // a zoom changes the pixels, not always the size
    const observer = new ResizeObserver(() => this.#redraw());
    observer.observe(this.#canvas);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  get strokes() {
    return this.#drawing.strokes;
  }

  get canUndo() {
    return this.#drawing.past.length > 0;
  }

  get canRedo() {
    return this.#drawing.future.length > 0;
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

  #begin(event) {
    // One pen at a time: a second finger or the palm beside a pen writes nothing.
    if (this.#penId !== null || event.button !== 0) return;
    event.preventDefault(); // and so the focus would stay elsewhere, and the keys with it
    document.activeElement.blur();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#set(drawings.begin(this.#drawing, this.penWidth, this.#place(event)), event.pointerId);
  }

  #extend(event) {
    const events = event.getCoalescedEvents?.() ?? [];
    const points = (events.length ? events : [event]).map((moved) => this.#place(moved));
    this.#set(drawings.extend(this.#drawing, points, NEAREST_PX / this.#scale), this.#penId);
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / this.#scale, (event.clientY - box.top) / this.#scale];
  }

  // CSS pixels to a unit of the drawing.
  get #scale() {
    return this.#canvas.clientWidth / drawings.PAPER;
  }

  // A step by button or key also ends a stroke that is under way.
  #change(drawing) {
    if (drawing !== this.#drawing) this.#set(drawing, null);
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
    const { clientWidth, clientHeight } = this.#canvas;
    if (clientWidth === 0) return; // its tab is not shown
    const ratio = devicePixelRatio;
    const context = this.#context;
    this.#canvas.width = Math.round(clientWidth * ratio); // also clears
    this.#canvas.height = Math.round(clientHeight * ratio);
    context.scale(this.#scale * ratio, this.#scale * ratio);
    context.strokeStyle = getComputedStyle(this.#canvas).color;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.strokes) {
      context.lineWidth = stroke.width;
      context.stroke(this.#path(stroke));
    }
    if (!this.#overlay) return;
    const { picture, x, y, width, height } = this.#overlay;
    context.globalCompositeOperation = "source-atop"; // on the ink alone
    context.drawImage(picture, x, y, width, height);
  }

  #path(stroke) {
    if (!this.#paths.has(stroke)) this.#paths.set(stroke, new Path2D(drawings.pathData(stroke.points)));
    return this.#paths.get(stroke);
  }
}
