// The template under work: the picture with its boxes, the list of fields, the properties of one, the rules.

import { BoxEditor } from "./box_editor.js";
import { Component, listen, moveFocus } from "../component.js";
import { FieldForm, RuleForm } from "./field_form.js";
import { FieldList } from "./field_list.js";
import { addField, changeField, clampBox, removeField } from "./template.js";
import * as texts from "./texts.js";

const STEP = 1 / 600; // of the picture's width, which the arrow keys move a box by
const MAX_UNDO = 100;

export class TemplateView extends Component {
  #root;
  #part = (name) => this.#root.querySelector(name);
  #list;
  #boxes;
  #field;
  #rules;
  #size = [1, 1];
  #undo = [];
  #selected = null;
  #before = null; // the template before the pointer moved a box
  template = null;

  constructor(root) {
    super();
    this.#root = root;
    this.#list = new FieldList(this.#part("#field-list"));
    this.#boxes = new BoxEditor(this.#part("#blank-picture"), this.#part("#blank-boxes"));
    this.#field = new FieldForm(this.#part("#field-form"));
    this.#rules = new RuleForm(this.#part("#rule-form"));
  }

  listen(signal) {
    const parts = [this.#list, this.#boxes, this.#field, this.#rules];
    const select = ({ detail: name }) => this.#select(name);
    const change = ({ detail: { change: edit, name = this.#selected } }) => this.#edit(edit(this.template), name);
    listen(this.#boxes, { select, draw: ({ detail: box }) => this.#add(box), move: ({ detail: { name, box } }) => this.#move(name, box), moved: ({ detail: name }) => this.#settle(name) }, signal);
    listen(this.#list, { select, nudge: ({ detail }) => this.#nudge(detail), remove: ({ detail: name }) => this.#remove(name) }, signal);
    listen(this.#field, { change, remove: ({ detail: name }) => this.#remove(name) }, signal);
    listen(this.#rules, { change }, signal);
    this.#part("[data-do=add]").addEventListener("click", () => this.#addInMiddle(), { signal });
    this.#part("[data-do=undo]").addEventListener("click", () => this.#takeBack(), { signal });
    this.#part("#form-name").addEventListener("change", ({ target }) => this.#edit({ ...this.template, name: target.value.trim() }, this.#selected), { signal });
    this.#root.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.target.matches("input")) this.#takeBack(event.preventDefault());
    }, { signal });
    for (const part of parts) part.enable();
    signal.addEventListener("abort", () => parts.forEach((part) => part.disable()));
  }

  // url: of the template's picture with size [width, height].
  open(template, url, size) {
    this.#undo = [];
    this.#size = size;
    this.#boxes.show(url, size);
    this.#set(template, Object.keys(template.fields)[0] ?? null);
    this.say("");
  }

  say(text) {
    this.#part("#fields-note").textContent = text;
  }

  #takeBack() {
    if (this.#undo.length) this.#set(this.#undo.pop(), this.#selected);
  }

  #edit(template, name) {
    if (template !== this.template) this.#undo = [...this.#undo.slice(-MAX_UNDO), this.template];
    this.#set(template, name);
  }

  #set(template, name) {
    this.template = template;
    this.#select(name in template.fields ? name : null);
  }

  #select(name) {
    this.#selected = name;
    const { fields } = this.template;
    const add = this.#part("[data-do=add]");
    if (!name) moveFocus(this.#part("#field-form"), add);
    this.#boxes.draw(fields, name);
    this.#list.draw(fields, name, add);
    this.#field.draw(this.template, name);
    this.#rules.draw(this.template);
    this.#part("#form-name").value = this.template.name;
    this.#part("[data-do=undo]").ariaDisabled = this.#undo.length === 0;
  }

  #add(box) {
    const [template, name] = addField(this.template, { kind: box[2] < 1.5 * box[3] ? "digit" : "number", box });
    this.#edit(template, name);
    this.#list.focus(name);
  }

  #addInMiddle() {
    const [width, height] = this.#size;
    this.#add(clampBox([0.35 * width, 0.45 * height, 0.3 * width, 0.04 * height], this.#size));
  }

  #move(name, box) {
    this.#before ??= this.template;
    this.template = changeField(this.template, name, { box });
    this.#boxes.draw(this.template.fields, name);
  }

  // The whole way of the pointer is one edit.
  #settle(name) {
    const after = this.template;
    this.template = this.#before ?? after;
    this.#before = null;
    this.#edit(after, name);
    this.#list.focus(name);
  }

  #nudge({ name, by, isCorner }) {
    const step = Math.max(1, Math.round(STEP * this.#size[0]));
    const box = [...this.template.fields[name].box];
    by.forEach((steps, axis) => (box[axis + (isCorner ? 2 : 0)] += steps * step));
    this.#edit(changeField(this.template, name, { box: clampBox(box, this.#size) }), name);
    this.say(texts.boxMessage(name, this.template.fields[name].box));
  }

  #remove(name) {
    const names = Object.keys(this.template.fields);
    this.#edit(removeField(this.template, name), names[names.indexOf(name) + 1] ?? names.at(-2) ?? null);
    this.say(texts.removedMessage(name));
  }
}
