// Whether an answer is taken: pure functions from a prediction and the rule.
//
// The rule is { threshold, noDigitFrom }: the confidence that an accepted answer needs, and from where on a refused one
// is called no digit. The server names both; the person may move the threshold.

// "sure", "doubt" (it may be one of two) or "none" (it does not look like a digit).
export function verdict({ confidence, probabilities }, { threshold, noDigitFrom }) {
  if (confidence >= threshold) return "sure";
  return noDigit(probabilities) >= noDigitFrom ? "none" : "doubt";
}

// The probability that all ten digits share: "4 or 9" leaves the other eight next to nothing, of what is no digit every
// digit is as likely.
function noDigit(probabilities) {
  return probabilities.length * Math.min(...probabilities);
}

// The two likeliest digits, the likelier first.
export function likeliest(probabilities) {
  const order = probabilities.map((share, digit) => digit).sort((a, b) => probabilities[b] - probabilities[a]);
  return order.slice(0, 2);
}
