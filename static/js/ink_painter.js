// Draws strokes on a canvas, as sharp as its screen.

import { outline } from "./pen_line.js";

export class InkPainter {
  #canvas;
  #context;
  #paths = new WeakMap(); // a stroke never changes, nor does its path

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
  }

  // view: as sheetView() in geometry.js returns it; overlay: as StrokePad has it, it colours the ink alone.
  paint(strokes, { scale, x: left, y: top }, overlay) {
    const { clientWidth, clientHeight } = this.#canvas;
    const context = this.#context;
    this.#canvas.width = Math.round(clientWidth * devicePixelRatio); // also clears
    this.#canvas.height = Math.round(clientHeight * devicePixelRatio);
    context.scale(scale * devicePixelRatio, scale * devicePixelRatio);
    context.translate(-left, -top);
    context.fillStyle = getComputedStyle(this.#canvas).color;
    for (const stroke of strokes) context.fill(this.#path(stroke));
    if (!overlay) return;
    const { picture, x, y, width, height } = overlay;
    context.globalCompositeOperation = "source-atop";
    context.drawImage(picture, x, y, width, height);
  }

  #path(stroke) {
    if (!this.#paths.has(stroke)) this.#paths.set(stroke, new Path2D(outline(stroke)));
    return this.#paths.get(stroke);
  }
}
