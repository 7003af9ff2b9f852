// Makes SVG elements.

import { PAPER, pathData } from "./drawing.js";

export const NO_PICTURE = new URL("../no_picture.svg", import.meta.url).href; // for what the browser cannot show
export const NUMBER_HEIGHT = 0.4; // of the wide paper, in its widths, as in the style sheet
export const NUMBER_BOX = `0 0 ${PAPER} ${PAPER * NUMBER_HEIGHT}`;

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

// A drawing, sharp on paper too.
export function drawingPicture(strokes, title, box = `0 0 ${PAPER} ${PAPER}`) {
  const paths = strokes.map(({ width, points }) => svg("path", { d: pathData(points), "stroke-width": width }));
  const pen = { fill: "none", stroke: "currentColor", "stroke-linecap": "round", "stroke-linejoin": "round" };
  return figure("drawing", box, title, [svg("g", pen, paths)]);
}
