// A drawing: strokes, and what undo and redo need. It never changes; each function returns another one.
//
// A stroke is { width, points: [[x, y], ...] } in thousandths of the paper's width, y downwards, so that a drawing
// knows nothing of screens.

export const PAPER = 1000;
export const EMPTY = drawing([], [], []);

export function begin(before, width, point) {
  return replaced(before, [...before.strokes, stroke(width, [rounded(point)])]);
}

// The last stroke goes on; points nearer than `nearest` to the one before say nothing new.
export function extend({ strokes, past }, points, nearest = 0) {
  const last = strokes.at(-1);
  const kept = [...last.points];
  for (const [x, y] of points.map(rounded)) {
    if (Math.hypot(x - kept.at(-1)[0], y - kept.at(-1)[1]) > nearest) kept.push([x, y]);
  }
  return drawing([...strokes.slice(0, -1), stroke(last.width, kept)], past, []);
}

// Other strokes in the place of these, as one step that undo takes back; none clear the paper.
export function replaced(before, strokes) {
  if (before.strokes.length + strokes.length === 0) return before;
  return drawing(strokes, [...before.past, before.strokes], []);
}

export function undo(after) {
  const { strokes, past, future } = after;
  return past.length ? drawing(past.at(-1), past.slice(0, -1), [strokes, ...future]) : after;
}

export function redo(before) {
  const { strokes, past, future } = before;
  return future.length ? drawing(future[0], [...past, strokes], future.slice(1)) : before;
}

// What the endpoint takes.
export function pointsOf(strokes) {
  return strokes.map(({ points }) => points);
}

// Whether `value`, from a file or the browser's storage, is a stroke.
export function isStroke(value) {
  return isWithin(value?.width, 1, 400) && Array.isArray(value.points) && value.points.length > 0
    && value.points.every((point) => Array.isArray(point) && point.length === 2 && point.every(isOnSheet));
}

// The strokes on a paper of another size, `factor` times theirs, `left` units from its left edge.
export function scaled(strokes, factor, left) {
  return strokes.map(({ width, points }) =>
    stroke(width * factor, points.map(([x, y]) => rounded([left + x * factor, y * factor]))));
}

// The box around the points, { x, y, width, height }.
export function boundsOf(points) {
  const columns = points.map(([x]) => x);
  const rows = points.map(([, y]) => y);
  const [x, y] = [Math.min(...columns), Math.min(...rows)];
  return { x, y, width: Math.max(...columns) - x, height: Math.max(...rows) - y };
}

// SVG path data, which canvas and SVG draw alike: a curve through the middles of the segments, so that there are no
// corners where the pen was only sampled.
export function pathData([first, ...rest]) {
  if (rest.length === 0) return `M${first}h.1`; // a dot, by the round cap of the pen; a canvas drops a line of no length
  const curves = rest.map((point, index) => `Q${point} ${middle(point, rest[index + 1] ?? point)}`);
  return `M${first}${curves.join("")}`;
}

function drawing(strokes, past, future) {
  return Object.freeze({ strokes: Object.freeze(strokes), past, future });
}

function stroke(width, points) {
  return Object.freeze({ width, points: Object.freeze(points) });
}

function isOnSheet(value) {
  return isWithin(value, -1e5, 1e5);
}

function isWithin(value, least, most) {
  return typeof value === "number" && value >= least && value <= most;
}

function middle([x1, y1], [x2, y2]) {
  return rounded([(x1 + x2) / 2, (y1 + y2) / 2]);
}

function rounded(point) {
  return point.map((value) => Math.round(value * 10) / 10);
}
