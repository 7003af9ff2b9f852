// The history as files: JSON, CSV, and labelled strokes as `digitrec evaluate` and `--extra-data` read them.

import { pointsOf } from "./drawing.js";
import { decide, isReading } from "./decision.js";

const VERDICTS = { sure: "accepted", guess: "accepted", doubt: "doubtful", none: "rejected" };

// ruleOf(entry) gives the rule that held.
export function toJson(entries, ruleOf) {
  return JSON.stringify(entries.map((entry) => record(entry, ruleOf(entry))), null, 2);
}

export function toCsv(entries, ruleOf) {
  const header = ["time", "source", "name", "verdict", "digit", "text", "transcript", "confidence", "accepted", "reason", "label", "model"];
  const rows = entries.map((entry) => {
    const { probabilities = Array(10), digits, strokes, ...fields } = record(entry, ruleOf(entry));
    return [...Object.values(fields), ...probabilities];
  });
  const columns = Array.from({ length: 10 }, (_, digit) => `probability_${digit}`);
  return [[...header, ...columns], ...rows].map(csvLine).join("");
}

// One line a drawing of a digit whose label is known: the person's own, else an accepted answer. Pictures have no
// strokes, and training takes digits alone.
export function toStrokeLines(entries, ruleOf) {
  return entries
    .filter((entry) => entry.source === "drawing" && !isReading(entry))
    .map((entry) => ({ label: knownLabel(entry, ruleOf(entry)), strokes: pointsOf(entry.strokes) }))
    .filter(({ label }) => /^\d$/.test(label))
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
}

function record(entry, rule) {
  const { at, source, name, digit, text, transcript, confidence, label, model, probabilities, digits, strokes } = entry;
  const verdict = VERDICTS[decide(entry, rule)];
  const accepted = verdict === "accepted";
  const reason = accepted || isReading(entry) ? null : entry.reason ?? "low_confidence";
  return {
    time: at, source, name, verdict, digit, text, transcript, confidence, accepted, reason, label, model, probabilities, digits,
    ...(source === "drawing" && { strokes: pointsOf(strokes) }),
  };
}

function knownLabel(entry, rule) {
  return entry.label || (["sure", "guess"].includes(decide(entry, rule)) ? String(entry.digit) : "");
}

export const csvLine = (values) => `${values.map(cell).join(",")}\r\n`;

// A spreadsheet takes text that begins like a formula for one, and a file's name may.
function cell(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
