// Whether an answer is taken: pure functions from a prediction or a reading and the rule.
//
// The rule is { threshold, numberThreshold, nonDigitThreshold }: the confidence that an accepted digit and an accepted number
// need, and from where on an answer is called no digit. The server names all; the person may move both thresholds as one.

const GUESS_BELOW = 0.5; // it is likelier wrong than right

// Whether an answer is a number's.
export const isReading = ({ text }) => text !== undefined;

export const thresholdOf = (answer, rule) => (isReading(answer) ? rule.numberThreshold : rule.threshold);

export const isAccepted = (answer, rule) => answer.confidence >= thresholdOf(answer, rule);

// "sure", "guess" (accepted, but no more likely than not), "doubt" (it may be one of two) or "none" (it does not look
// like a digit or a number, however low the threshold).
export function decide(answer, rule) {
  const isNone = isReading(answer) ? !answer.text : rejectionScore(answer.probabilities) >= rule.nonDigitThreshold;
  return isNone ? "none" : acceptance(answer, rule);
}

export function acceptance(answer, rule) {
  if (!isAccepted(answer, rule)) return "doubt";
  return answer.confidence < GUESS_BELOW ? "guess" : "sure";
}

// Ten times the smallest probability. "4 or 9" leaves next to nothing for the other digits; for what is no digit, all
// digits are about equally likely.
function rejectionScore(probabilities) {
  return probabilities.length * Math.min(...probabilities);
}

// The two likeliest digits, the likelier first.
export function topTwo(probabilities) {
  const order = probabilities.map((fraction, digit) => digit).sort((a, b) => probabilities[b] - probabilities[a]);
  return order.slice(0, 2);
}
