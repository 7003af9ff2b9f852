// Whether an answer is taken: pure functions from a prediction or a reading and the rule.
//
// The rule is { threshold, numberThreshold }: the confidence that an accepted digit and an accepted number need. The server
// names both; the person may move either.

const GUESS_BELOW = 0.5; // it is likelier wrong than right
export const OTHER_SIGN = "?"; // in a transcript: a mark that is neither a digit nor a separator

// Whether an answer is a number's.
export const isReading = ({ text }) => text !== undefined;

export const kindOf = (answer) => (isReading(answer) ? "number" : "digit");

export const thresholdOf = (answer, rule) => (isReading(answer) ? rule.numberThreshold : rule.threshold);

export const isAccepted = (answer, rule) => answer.confidence >= thresholdOf(answer, rule) && !hasOtherSigns(answer);

// The rule by which an entry of the history was decided; older ones do not know theirs, and go by `own`.
export const ruleOf = ({ threshold }, own) => (threshold === undefined ? own : { threshold, numberThreshold: threshold });

// Whether there is more on the paper than one digit.
export const hasSeveral = ({ text, transcript = text }) => transcript.length > 1;

// Older entries of the history know no transcript.
export const hasOtherSigns = ({ transcript = "" }) => transcript.includes(OTHER_SIGN);

// "sure", "guess" (accepted, but no more likely than not), "doubt" (it may be one of two) or "none" (it is not one digit
// or not a number, however low the threshold).
export function decide(answer, rule) {
  const isNone = isReading(answer) ? !answer.text : ["several_digits", "no_digit"].includes(answer.reason);
  return isNone ? "none" : acceptance(answer, rule);
}

export function acceptance(answer, rule) {
  if (!isAccepted(answer, rule)) return "doubt";
  return answer.confidence < GUESS_BELOW ? "guess" : "sure";
}

// The two likeliest digits, the likelier first.
export function topTwo(probabilities) {
  const order = probabilities.map((fraction, digit) => digit).sort((a, b) => probabilities[b] - probabilities[a]);
  return order.slice(0, 2);
}

// The place of the digit of which a reading is least certain.
export function leastCertain(digits) {
  return digits.reduce((least, { confidence }, index) => (confidence < digits[least].confidence ? index : least), 0);
}

// What is written, sign by sign, [{ sign, index }, ...]: index is that of a digit in `digits`, undefined for the rest.
export function signsOf({ text, transcript = text, digits }) {
  const count = (written) => written.replace(/\D/g, "").length;
  let index = 0;
  return [...(count(transcript) === digits.length ? transcript : text)].map((sign) =>
    (/\d/.test(sign) && index < digits.length ? { sign, index: index++ } : { sign }));
}
