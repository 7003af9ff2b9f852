// Records: what the fields of a filled form hold, and what of it a person has to check. Pure; the shape is the server's.

const BLANK = "blank-image"; // the problem of a field without ink

// A record from the answer of /api/v1/read, for a form with `cells`. A field's image is its data URL.
export function recordOf(answer, name, cells) {
  const fields = Object.fromEntries(Object.entries(answer.fields).map(([key, field]) => [key, fieldOf(field)]));
  return judge({ id: null, name, version: 1, fit: answer.fit, violations: answer.violations, fields }, cells);
}

function fieldOf({ text = "", transcript = "", confidence = 0, accepted = false, type = "", detail = null, field_image: image }) {
  const isBlank = type.endsWith(BLANK);
  return { value: text, text, transcript, confidence, accepted, isBlank, error: type ? detail : null, checked_at: null, image };
}

// The record with `needs_check` of each field, and its state, by the rule in docs/forms.md.
export function judge(record, cells) {
  const suspects = new Set(record.violations.flatMap(({ fields }) => fields));
  const fields = { ...record.fields };
  for (const { name, required } of cells) {
    const field = fields[name];
    const isDoubtful = field.value === "" ? required || field.isBlank === false : !field.accepted;
    fields[name] = { ...field, needs_check: !field.checked_at && (isDoubtful || suspects.has(name)) };
  }
  const state = Object.values(fields).some((field) => field.needs_check) ? "unchecked" : "checked";
  return { ...record, fields, state };
}

// The record with what a person says stands in a field. If it is new, the rules about it may hold by now: they are asked
// about again.
export function correct(record, name, value, now = new Date()) {
  const field = { ...record.fields[name], value, checked_at: now.toISOString() };
  const isNew = value !== record.fields[name].value;
  const violations = record.violations.filter(({ fields }) => !isNew || !fields.includes(name));
  return { ...record, violations, fields: { ...record.fields, [name]: field } };
}

export const valuesOf = ({ fields }) => Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value]));

// How a table shows a field: "doubt", "corrected", "blank" or "sure".
export function stateOf(field) {
  if (field.needs_check) return "doubt";
  if (field.value !== field.text) return "corrected";
  return field.value === "" ? "blank" : "sure";
}

// What cannot be, of the rules that name a field; of all rules without a name.
export function violationsOf({ violations }, name) {
  return violations.filter(({ fields }) => name === undefined || fields.includes(name)).map(({ message }) => message);
}

// How many of the records' fields a person has corrected.
export function countCorrected(records) {
  return records.flatMap(({ fields }) => Object.values(fields)).filter(({ value, text }) => value !== text).length;
}
