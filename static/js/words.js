// What the page says: pure functions from answers and failures to words.

const article = (digit) => (digit === 8 ? "an 8" : `a ${digit}`);

// No answer is ever called 100 %: rounding must not make a promise.
export function percent(share) {
  if (share > 0.999) return "over 99.9\u00a0%";
  if (share < 0.01) return "under 1\u00a0%";
  return `${(share * 100).toFixed(share > 0.99 ? 1 : 0)}\u00a0%`;
}

// The two likeliest digits, the likelier first.
export function likeliest(probabilities) {
  const order = probabilities.map((share, digit) => digit).sort((a, b) => probabilities[b] - probabilities[a]);
  return order.slice(0, 2);
}

export function predictionWords({ digit, confidence, probabilities, accepted }) {
  const [first, second] = likeliest(probabilities);
  if (!accepted) {
    return {
      headline: `Not sure: ${article(first)} or ${article(second)}?`,
      note: `${percent(probabilities[first])} for the ${first}, ${percent(probabilities[second])} for the ${second}.`,
    };
  }
  return { headline: `It is ${article(digit)}`, note: `${certainty(confidence)}, ${percent(confidence)}` };
}

function certainty(confidence) {
  if (confidence >= 0.995) return "Almost certain";
  if (confidence >= 0.95) return "Very likely";
  return "Likely";
}

export const NOTHING_DRAWN = {
  headline: "Nothing drawn yet",
  note: "Write a digit from 0 to 9. The answer appears while you write.",
};

const DRAWING_FAILURES = {
  blank: ["Too little to read", "A dot is no digit yet. Go on writing."],
  refused: ["Too much ink", "That is more than one digit needs. Clear the paper and write one."],
  offline: ["No connection", "Your drawing is kept, and read when you are back online."],
  busy: ["The server is busy", "Your drawing is kept. The next try is in a few seconds."],
};

const PICTURE_FAILURES = {
  blank: ["Nothing on it", "The picture looks blank. Try a darker or a closer one."],
  "too-large": ["Too large", "Make the picture smaller. 1,000 pixels are plenty."],
  "not-image": ["Not a picture", "Choose a PNG, JPEG, WebP, BMP, GIF or TIFF file."],
  unreadable: ["Damaged", "The file is empty or broken. Save it again and retry."],
  offline: ["No connection", "It is read when you are back online."],
  busy: ["The server is busy", "The next try is in a few seconds."],
};

export function drawingFailureWords(failure) {
  return failureWords(DRAWING_FAILURES, failure);
}

export function pictureFailureWords(failure) {
  return failureWords(PICTURE_FAILURES, failure);
}

function failureWords(known, failure) {
  const request = failure.requestId ? ` Request ${failure.requestId}.` : "";
  const [headline, note] = known[failure.kind] ?? ["Something went wrong here", `The fault is ours.${request}`];
  return { headline, note };
}
