// A drawing: strokes, and what undo and redo need. It never changes; each function returns another one.
//
// A stroke is { width, points: [[x, y], ...] } in thousandths of the sheet's shorter side, y downwards, so that a drawing
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

// The box around the points, { x, y, width, height }.
export function boundsOf(points) {
  const columns = points.map(([x]) => x);
  const rows = points.map(([, y]) => y);
  const [x, y] = [Math.min(...columns), Math.min(...rows)];
  return { x, y, width: Math.max(...columns) - x, height: Math.max(...rows) - y };
}

// The box around the ink of a drawing, its pens' width included.
export function inkBounds(strokes) {
  const widest = Math.max(...strokes.map(({ width }) => width));
  const { x, y, width, height } = boundsOf(pointsOf(strokes).flat());
  return { x: x - widest / 2, y: y - widest / 2, width: width + widest, height: height + widest };
}

// The strokes whose middle is in a box [x, y, width, height].
export function strokesIn([left, top, width, height], strokes) {
  return strokes.filter(({ points }) => {
    const bounds = boundsOf(points);
    const [x, y] = [bounds.x + bounds.width / 2 - left, bounds.y + bounds.height / 2 - top];
    return x >= 0 && x <= width && y >= 0 && y <= height;
  });
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

function rounded(point) {
  return point.map((value) => Math.round(value * 10) / 10);
}
