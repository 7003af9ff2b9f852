// Where the marks of the charts stand.

const FEWEST = 25; // predictions of a point: the accuracy of fewer is chance
const Z_95 = 1.96; // of the 95 % interval

// The 95 % Wilson interval of a fraction of `count`, [low, high].
export function wilsonInterval(fraction, count) {
  const shrink = 1 + Z_95 ** 2 / count;
  const center = (fraction + Z_95 ** 2 / (2 * count)) / shrink;
  const half = (Z_95 * Math.sqrt((fraction * (1 - fraction)) / count + Z_95 ** 2 / (4 * count ** 2))) / shrink;
  return [Math.max(0, center - half), Math.min(1, center + half)];
}

// The cells of a confusion matrix, { x, y, count, fraction, right }: x is the answer, y the true digit, fraction that of the
// row, so that rare digits show as much as frequent ones.
export function confusionCells(confusion) {
  return confusion.flatMap((row, y) => {
    const total = Math.max(1, row.reduce((sum, count) => sum + count));
    return row.map((count, x) => ({ x, y, count, fraction: count / total, right: x === y }));
  });
}

// Neighboring bins together until each has enough predictions; what is left at the end joins the last.
export function mergedBins(bins) {
  const merged = [];
  for (const bin of bins) {
    if (merged.length && merged.at(-1).predictions < FEWEST) merged.push(together(merged.pop(), bin));
    else merged.push(bin);
  }
  if (merged.length > 1 && merged.at(-1).predictions < FEWEST) merged.push(together(...merged.splice(-2)));
  return merged;
}

function together(one, other) {
  const predictions = one.predictions + other.predictions;
  const mean = (name) => (one[name] * one.predictions + other[name] * other.predictions) / predictions;
  return { predictions, confidence: mean("confidence"), accuracy: mean("accuracy") };
}

// The points of a reliability diagram in a square of `side`, y downwards; low and high are the ends of the interval,
// isAbove says on which side of the diagonal it is.
export function reliabilityPoints(bins, side) {
  return mergedBins(bins).map(({ predictions, confidence, accuracy }) => {
    const [low, high] = wilsonInterval(accuracy, predictions).map((fraction) => (1 - fraction) * side);
    return { x: confidence * side, y: (1 - accuracy) * side, low, high, predictions, accuracy, isAbove: accuracy > confidence };
  });
}

// Bars for values that are all close to 1: from `floor`, the next 1 % below the lowest, to 1.
export function recallBars(recall) {
  const floor = Math.max(0, Math.floor(Math.min(...recall) * 100 - 1) / 100);
  return { floor, bars: recall.map((fraction, digit) => ({ digit, fraction, length: (fraction - floor) / (1 - floor) })) };
}
