// The template of a form, see docs/forms.md: pure functions from one template to the next. Boxes are in pixels of the
// blank form here; a file may have fractions.

export const MIN_BOX_PX = 8;
const SIZES = { comb: { boxes: 6 }, grid: { rows: 3, columns: 3 } };
const CONSTRAINTS = ["length", "pattern", "choices"];

export const newTemplate = (name, reference) => ({ version: 1, name, reference, fields: {}, rules: [] });

// With one more field, whose name is new; returns [template, name].
export function addField(template, field) {
  let number = Object.keys(template.fields).length + 1;
  while (`field_${number}` in template.fields) number += 1;
  const name = `field_${number}`;
  return [{ ...template, fields: { ...template.fields, [name]: field } }, name];
}

// With other properties of a field; an undefined one goes.
export function changeField(template, name, changes) {
  const field = { ...template.fields[name], ...changes };
  if (changes.kind) {
    for (const sizes of Object.values(SIZES)) for (const key of Object.keys(sizes)) delete field[key];
    Object.assign(field, SIZES[changes.kind]);
  }
  for (const key of Object.keys(field)) if (field[key] === undefined) delete field[key];
  return { ...template, fields: { ...template.fields, [name]: field } };
}

// The kind of the number in a field: "length", "pattern", "choices", or "" for any number.
export const constraintOf = (field) => CONSTRAINTS.find((key) => field[key] !== undefined) ?? "";

export function setConstraint(template, name, key, value) {
  const none = Object.fromEntries(CONSTRAINTS.map((other) => [other, undefined]));
  return changeField(template, name, key ? { ...none, [key]: value } : none);
}

// With another name of a field, which its rules follow. An empty name, or another field's, changes nothing.
export function renameField(template, from, to) {
  if (!to || to in template.fields) return template;
  const entries = Object.entries(template.fields).map(([name, field]) => [name === from ? to : name, field]);
  const follow = (name) => (fieldOf(name, template) === from ? to + name.slice(from.length) : name);
  return { ...template, fields: Object.fromEntries(entries), rules: template.rules.map((rule) => mapNames(rule, follow)) };
}

// Without a field, and without the rules that need it.
export function removeField(template, name) {
  const { [name]: removed, ...fields } = template.fields;
  const isLeft = (other) => fieldOf(other, template) !== name;
  const rules = template.rules
    .map((rule) => (rule.fields ? { ...rule, fields: rule.fields.filter(isLeft) } : rule))
    .filter(({ field, fields: terms, total }) => [field, total].every((other) => other === undefined || isLeft(other)) && terms?.length !== 0);
  return { ...template, fields, rules };
}

// The field that a name is of: "ratings" for "ratings[1][2]", a box of a grid.
function fieldOf(name, { fields }) {
  return name in fields ? name : name.replace(/\[\d+\]\[\d+\]$/, "");
}

function mapNames(rule, follow) {
  const changed = { ...rule };
  for (const key of ["field", "total"]) if (rule[key] !== undefined) changed[key] = follow(rule[key]);
  if (rule.fields) changed.fields = rule.fields.map(follow);
  return changed;
}

// What a record has of each form: [{ name, required }], a grid box by box.
export function cellsOf({ fields }) {
  return Object.entries(fields).flatMap(([field, { rows, columns, required = true }]) => {
    if (!rows) return [{ name: field, required }];
    return Array.from({ length: rows * columns }, (_, index) => {
      const [row, column] = [Math.floor(index / columns), index % columns];
      return { name: `${field}[${row + 1}][${column + 1}]`, required };
    });
  });
}

// The box inside a page of [width, height], in whole pixels and not too small; it moves in before it shrinks.
export function clampBox([left, top, width, height], [pageWidth, pageHeight]) {
  const w = Math.round(Math.min(Math.max(width, MIN_BOX_PX), pageWidth));
  const h = Math.round(Math.min(Math.max(height, MIN_BOX_PX), pageHeight));
  return [Math.round(Math.min(Math.max(left, 0), pageWidth - w)), Math.round(Math.min(Math.max(top, 0), pageHeight - h)), w, h];
}

// The box between two points, [x, y] each, cut off at the page's edges.
export function boxBetween(a, b, page) {
  const [low, high] = [Math.min, Math.max].map((pick) => a.map((value, axis) => Math.min(Math.max(pick(value, b[axis]), 0), page[axis])));
  return clampBox([...low, high[0] - low[0], high[1] - low[1]], page);
}

// The same template with boxes in pixels of a picture of { size, scale } as of loadPicture().
export function inPixels(template, { size, scale }) {
  const boxes = Object.values(template.fields).map(({ box }) => box);
  const [x, y] = Math.max(...boxes.flat()) <= 1 ? size : [scale, scale];
  const scaled = ([left, top, width, height]) => clampBox([left * x, top * y, width * x, height * y], size);
  const fields = Object.entries(template.fields).map(([name, field]) => [name, { ...field, box: scaled(field.box) }]);
  return { ...template, fields: Object.fromEntries(fields) };
}

// A template with all its parts, from a file or the server; throws where it is none. The server says what is wrong inside.
export function wholeTemplate(template) {
  const boxes = Object.values(template.fields).map(({ box }) => box);
  if (!boxes.every((box) => box.length === 4 && box.every(Number.isFinite))) throw new TypeError("no template");
  return { ...newTemplate("", null), ...template };
}
