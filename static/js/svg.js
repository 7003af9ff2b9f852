// Makes SVG elements.

import { inkBounds, PAPER } from "./drawing.js";
import { outline } from "./pen_line.js";

export const NO_PICTURE = new URL("../no_picture.svg", import.meta.url).href; // for what the browser cannot show

export function svg(name, attributes = {}, children = []) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// A picture with words for those who do not see it.
export function figure(name, viewBox, title, children) {
  return svg("svg", { viewBox, class: name, role: "img", "aria-label": title }, children);
}

// The square around a drawing, [x, y, side]. A small drawing stays small in it.
export function squareAround(strokes) {
  const { x, y, width, height } = inkBounds(strokes);
  const side = Math.max(width, height, PAPER / 2) * 1.1;
  return [x + (width - side) / 2, y + (height - side) / 2, side].map(Math.round);
}

// A drawing, sharp on paper too.
export function drawingPicture(strokes, title) {
  const [x, y, side] = squareAround(strokes);
  const box = [x, y, side, side].join(" ");
  const paths = strokes.map((stroke) => svg("path", { d: outline(stroke) }));
  const pen = { fill: "currentColor", stroke: "none" };
  return figure("drawing", box, title, [svg("g", pen, paths)]);
}
