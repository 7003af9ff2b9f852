// Paper to write on. Strokes are the truth, pixels a view of them: undo is a pop, and a resized or turned
// screen draws them anew. Fires "change" whenever the strokes are others.

const PEN_SHARE = 0.062; // of the paper's width: MNIST's pen is a ninth of a digit, a digit about half the paper
const NEAREST_PX = 1; // points closer than this say nothing new

export class StrokePad extends EventTarget {
  #canvas;
  #context;
  #strokes = [];
  #penId = null;
  #sizePx = 0;
  #frame = 0;
  #observer = new ResizeObserver(() => this.#fit());
  #dark = matchMedia("(prefers-color-scheme: dark)");
  #handlers = {
    pointerdown: (event) => this.#begin(event),
    pointermove: (event) => this.#extend(event),
    pointerup: (event) => this.#end(event),
    pointercancel: (event) => this.#end(event),
    contextmenu: (event) => event.preventDefault(), // a long press is a slow stroke
  };
  #redrawSoon = () => {
    this.#frame ||= requestAnimationFrame(() => this.#redraw());
  };

  constructor(canvas) {
    super();
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
  }

  enable() {
    for (const [name, handler] of Object.entries(this.#handlers)) this.#canvas.addEventListener(name, handler);
    this.#dark.addEventListener("change", this.#redrawSoon);
    addEventListener("resize", this.#redrawSoon); // a zoom changes the pixel ratio and not always the size
    this.#observer.observe(this.#canvas);
  }

  disable() {
    for (const [name, handler] of Object.entries(this.#handlers)) this.#canvas.removeEventListener(name, handler);
    this.#dark.removeEventListener("change", this.#redrawSoon);
    removeEventListener("resize", this.#redrawSoon);
    this.#observer.disconnect();
    this.#penId = null;
  }

  get isEmpty() {
    return this.#strokes.length === 0;
  }

  // [[[x, y], ...], ...] in CSS pixels of the canvas, to a tenth.
  get strokes() {
    const tenth = (value) => Math.round(value * 10) / 10;
    return this.#strokes.map((stroke) => stroke.map(([x, y]) => [tenth(x), tenth(y)]));
  }

  undo() {
    if (this.isEmpty) return;
    this.#penId = null;
    this.#strokes.pop();
    this.#changed();
  }

  clear() {
    if (this.isEmpty) return;
    this.#penId = null;
    this.#strokes = [];
    this.#changed();
  }

  #begin(event) {
    // One pen at a time: a second finger or the palm beside a pen writes nothing.
    if (this.#penId !== null || event.button !== 0) return;
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#penId = event.pointerId;
    this.#strokes.push([this.#place(event)]);
    this.#changed();
  }

  #extend(event) {
    if (event.pointerId !== this.#penId) return;
    const events = event.getCoalescedEvents?.() ?? [];
    const stroke = this.#strokes.at(-1);
    const before = stroke.length;
    for (const moved of events.length ? events : [event]) {
      const place = this.#place(moved);
      if (distance(place, stroke.at(-1)) >= NEAREST_PX) stroke.push(place);
    }
    if (stroke.length > before) this.#changed();
  }

  #end(event) {
    if (event.pointerId === this.#penId) this.#penId = null;
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #changed() {
    this.#redrawSoon();
    this.dispatchEvent(new Event("change"));
  }

  #fit() {
    const sizePx = this.#canvas.clientWidth;
    if (sizePx === 0) return;
    const scale = this.#sizePx ? sizePx / this.#sizePx : 1;
    if (scale !== 1) this.#strokes = this.#strokes.map((stroke) => stroke.map(([x, y]) => [x * scale, y * scale]));
    this.#sizePx = sizePx;
    this.#redraw();
  }

  #redraw() {
    this.#frame = 0;
    const { clientWidth, clientHeight } = this.#canvas;
    const ratio = devicePixelRatio || 1;
    this.#canvas.width = Math.round(clientWidth * ratio); // also clears
    this.#canvas.height = Math.round(clientHeight * ratio);
    this.#context.scale(ratio, ratio);
    this.#context.strokeStyle = getComputedStyle(this.#canvas).color;
    this.#context.lineWidth = clientWidth * PEN_SHARE;
    this.#context.lineCap = this.#context.lineJoin = "round";
    for (const stroke of this.#strokes) trace(this.#context, stroke);
  }
}

function distance([x1, y1], [x2, y2]) {
  return Math.hypot(x1 - x2, y1 - y2);
}

// A curve through the middles of a stroke's segments: no corners where the pen was only sampled.
function trace(context, stroke) {
  const [first, ...rest] = stroke;
  context.beginPath();
  context.moveTo(...first);
  rest.forEach(([x, y], index) => {
    const [nextX, nextY] = rest[index + 1] ?? [x, y];
    context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  });
  if (rest.length === 0) context.lineTo(...first);
  context.stroke();
}
