// The properties of the selected field, and the rules of the form. Both fire "change" with { change, name }: a function
// from the template to its next, and the name of the field after it; the first fires "remove" with a name, too.

import { Component, create } from "../component.js";
import { cellsOf, changeField, constraintOf, renameField, setConstraint } from "./template.js";
import * as texts from "./texts.js";

export class FieldForm extends Component {
  #root;
  #part = (name) => this.#root.querySelector(`[name=${name}]`);
  #name = null;

  constructor(root) {
    super();
    this.#root = root;
    this.#part("kind").append(...options(texts.KINDS));
    this.#part("constraint").append(...options(texts.CONSTRAINTS));
  }

  listen(signal) {
    this.#root.addEventListener("submit", (event) => event.preventDefault(), { signal });
    this.#root.addEventListener("change", ({ target }) => this.#take(target), { signal });
    this.#root.querySelector("[data-do=remove]").addEventListener("click", () => this.emit("remove", this.#name), { signal });
  }

  draw({ fields }, name) {
    const field = fields[name];
    this.#root.hidden = !field;
    this.#name = name;
    if (!field) return;
    const constraint = constraintOf(field);
    const values = { name, kind: field.kind ?? "number", constraint, value: String(field[constraint] ?? "").replaceAll(",", ", "), boxes: field.boxes, rows: field.rows, columns: field.columns };
    for (const [key, value] of Object.entries(values)) {
      this.#part(key).value = value ?? "";
      this.#part(key).closest("label").hidden = value === undefined;
    }
    this.#part("required").checked = field.required ?? true;
    const hint = { placeholder: texts.HINTS[constraint] ?? "", ariaLabel: texts.CONSTRAINTS[constraint] };
    Object.assign(this.#part("value"), hint).closest("label").hidden = !constraint;
  }

  #edit(change, name = this.#name) {
    this.emit("change", { change, name });
  }

  #take({ name, value, checked, validity, valueAsNumber }) {
    if (!validity.valid) return;
    const field = this.#name;
    if (name === "name") this.#edit((template) => renameField(template, field, value.trim()), value.trim() || field);
    else if (name === "kind") this.#edit((template) => changeField(template, field, { kind: value }));
    else if (name === "required") this.#edit((template) => changeField(template, field, { required: checked ? undefined : false }));
    else if (name === "constraint" || name === "value") this.#edit((template) => setConstraint(template, field, this.#part("constraint").value, this.#value()));
    else this.#edit((template) => changeField(template, field, { [name]: valueAsNumber }));
  }

  // The value of the constraint that is chosen; its hint where there is none yet.
  #value() {
    const key = this.#part("constraint").value;
    const text = this.#part("value").value.trim() || texts.HINTS[key] || "";
    if (key === "length") return Math.min(Math.max(Math.round(Number(text)) || 1, 1), 64);
    return key === "choices" ? text.split(/[\s,;]+/).filter(Boolean) : text;
  }
}

export class RuleForm extends Component {
  #root;
  #part = (name) => this.#root.querySelector(`[name=${name}]`);

  constructor(root) {
    super();
    this.#root = root;
    this.#part("kind").append(...options(texts.RULES));
    this.#part("format").append(...options(texts.DATE_FORMATS));
  }

  listen(signal) {
    this.#root.addEventListener("change", () => this.#toggle(), { signal });
    this.#root.addEventListener("submit", (event) => (event.preventDefault(), this.#add()), { signal });
    this.#root.querySelector("ul").addEventListener("click", ({ target }) => this.#remove(target.closest("button")), { signal });
  }

  draw(template) {
    const names = cellsOf(template).map(({ name }) => name);
    const { value: field } = this.#part("field");
    this.#part("field").replaceChildren(...names.map((name) => new Option(name)));
    if (names.includes(field)) this.#part("field").value = field;
    this.#part("terms").replaceChildren(...names.map((name) => new Option(name, name, false, this.#terms.includes(name))));
    this.#root.querySelector("ul").replaceChildren(...template.rules.map((rule, index) => create("li", {},
      create("span", { textContent: texts.ruleText(rule) }),
      create("button", { type: "button", className: "plain", textContent: "×", value: index, ariaLabel: texts.removeRuleLabel(rule) }))));
    this.#toggle();
  }

  get #terms() {
    return [...this.#part("terms").selectedOptions].map(({ value }) => value);
  }

  #toggle() {
    const kind = this.#part("kind").value;
    for (const label of this.#root.querySelectorAll("[data-for]")) label.hidden = label.dataset.for !== kind;
  }

  #add() {
    const kind = this.#part("kind").value;
    const field = this.#part("field").value;
    const number = (name) => (this.#part(name).value === "" ? undefined : this.#part(name).valueAsNumber);
    const rule = {
      sum: { kind, fields: this.#terms.filter((name) => name !== field), total: field },
      range: { kind, field, minimum: number("minimum") ?? 0, maximum: number("maximum") },
      date: { kind, field, format: this.#part("format").value },
    }[kind] ?? { kind, field };
    if (!field || rule.fields?.length === 0) return this.#part("terms").focus();
    this.emit("change", { change: (template) => ({ ...template, rules: [...template.rules, rule] }) });
  }

  #remove(button) {
    if (!button) return;
    this.emit("change", { change: (template) => ({ ...template, rules: template.rules.filter((rule, index) => index !== Number(button.value)) }) });
    this.#part("kind").focus();
  }
}

function options(names) {
  return Object.entries(names).map(([value, text]) => new Option(text, value));
}
