// Whether an answer is taken: pure functions from a prediction or a reading and the rule.
//
// The rule is { threshold, numberThreshold }: the confidence that an accepted digit and an accepted number need. The server
// names both; the person may move them as one.

const GUESS_BELOW = 0.5; // it is likelier wrong than right

// Whether an answer is a number's.
export const isReading = ({ text }) => text !== undefined;

export const thresholdOf = (answer, rule) => (isReading(answer) ? rule.numberThreshold : rule.threshold);

export const isAccepted = (answer, rule) => answer.confidence >= thresholdOf(answer, rule);

// "sure", "guess" (accepted, but no more likely than not), "doubt" (it may be one of two) or "none" (it is not one digit
// or not a number, however low the threshold).
export function decide(answer, rule) {
  const isNone = isReading(answer) ? !answer.text : ["several_digits", "no_digit"].includes(answer.reason);
  return isNone ? "none" : acceptance(answer, rule);
}

// Whether an answer is a digit's and rejected: `read` may find a number.
export const mayBeNumber = (answer, rule) => !isReading(answer) && ["doubt", "none"].includes(decide(answer, rule));

export function acceptance(answer, rule) {
  if (!isAccepted(answer, rule)) return "doubt";
  return answer.confidence < GUESS_BELOW ? "guess" : "sure";
}

// The two likeliest digits, the likelier first.
export function topTwo(probabilities) {
  const order = probabilities.map((fraction, digit) => digit).sort((a, b) => probabilities[b] - probabilities[a]);
  return order.slice(0, 2);
}
