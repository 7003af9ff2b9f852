// The list of the form's fields, by which the keyboard reaches their boxes. Fires "select" with a name, "remove" with a
// name, and "nudge" with { name, by, isCorner }: by [x, y] steps, the box or its lower right corner.

import { Component, create, listen } from "../component.js";
import * as texts from "./texts.js";

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class FieldList extends Component {
  #list;

  constructor(list) {
    super();
    this.#list = list;
  }

  listen(signal) {
    listen(this.#list, { click: ({ target }) => this.#pick(target.closest("button")), keydown: (event) => this.#press(event) }, signal);
  }

  // rest: what takes the focus when no field is left.
  draw(fields, selected, rest) {
    const hadFocus = this.#list.contains(document.activeElement);
    this.#list.replaceChildren(...Object.entries(fields).map(([name, field]) => item(name, field, name === selected)));
    if (hadFocus && !this.focus(selected)) rest.focus();
  }

  // Returns whether there is such a field.
  focus(name) {
    const button = [...this.#list.querySelectorAll("button")].find(({ value }) => value === name);
    button?.focus();
    return Boolean(button);
  }

  #pick(button) {
    if (!button) return;
    button.focus(); // not every browser does, at a click
    this.emit("select", button.value);
  }

  #press(event) {
    const name = event.target.closest("button")?.value;
    if (!name || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Delete") this.emit("remove", name);
    else if (event.key in KEYS) this.emit("nudge", { name, by: KEYS[event.key], isCorner: event.shiftKey });
    else return;
    event.preventDefault();
  }
}

function item(name, field, isSelected) {
  const button = create("button", { type: "button", value: name, ariaPressed: isSelected },
    create("b", { textContent: name }), " ", create("span", { textContent: texts.fieldSummary(field) }));
  return create("li", {}, button);
}
