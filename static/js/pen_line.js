// What a stroke looks like: the outline of a line that gets thinner where the pen was fast, by perfect-freehand.

import getStroke from "perfect-freehand";

const STEP = 10; // of the drawing's units, between the points of the curve
const FAST = 300; // units from one point to the next
const SHAPE = { thinning: 0.35, smoothing: 0.5, streamline: 0.2, simulatePressure: false, last: true };

// SVG path data to fill, which canvas and SVG draw alike.
export function outline({ width, points }) {
  const corners = getStroke(curve(points), { ...SHAPE, size: width });
  const curves = corners.map((corner, index) => [corner, middle(corner, corners[(index + 1) % corners.length])].map((place) => place.map(rounded)).join(" "));
  return `M${middle(corners.at(-1), corners[0]).map(rounded)}Q${curves.join(" ")}Z`;
}

// Points [x, y, pressure] of a curve through the middles of the segments, so that there are no corners where a fast pen was
// only sampled. A pressure of 0.5 is the pen's own width.
function curve(points) {
  return points.flatMap((point, index) => {
    const [before, after] = [points[index - 1] ?? point, points[index + 1] ?? point];
    const [start, end] = [index ? middle(before, point) : point, index < points.length - 1 ? middle(point, after) : point];
    const length = Math.hypot(end[0] - start[0], end[1] - start[1]);
    const pressure = 0.5 - 0.2 * Math.min(1, length / FAST);
    const count = Math.max(1, Math.ceil(length / STEP));
    return Array.from({ length: count }, (_, step) => [...between(start, point, end, (step + 1) / count), pressure]);
  });
}

// On the quadratic Bézier curve from `start` to `end`.
function between(start, control, end, t) {
  return [0, 1].map((axis) => (1 - t) ** 2 * start[axis] + 2 * t * (1 - t) * control[axis] + t ** 2 * end[axis]);
}

const rounded = (value) => Math.round(value * 10) / 10;
const middle = ([x1, y1], [x2, y2]) => [(x1 + x2) / 2, (y1 + y2) / 2];
