// The table of records: a row a page, a column a field. One cell takes the focus, the arrow keys move it. Only the cells
// that change are touched. Fires "open" with { page, name }, "retry" and "remove" with a page.

import { Component, create, lineArrows, listen, moveFocus } from "../component.js";
import { stateOf, violationsOf } from "./records.js";
import * as texts from "./texts.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -Infinity], End: [0, Infinity] };

export class RecordsTable extends Component {
  #table;
  #body;
  #cells = [];
  #rows = new Map(); // by page
  #pages = new WeakMap(); // by row
  #roving = null; // the one cell in the order of the Tab key: the last that had the focus

  constructor(table) {
    super();
    this.#table = table;
    [this.#body] = table.tBodies;
  }

  listen(signal) {
    listen(this.#body, { click: (event) => this.#click(event), keydown: (event) => this.#press(event), focusin: ({ target }) => this.#rove(target) }, signal);
  }

  // An empty table for a form with `cells`.
  use(cells) {
    this.#cells = cells;
    this.#rows.clear();
    this.#body.replaceChildren();
    this.#table.style.setProperty("--columns", cells.length); // of one width: no change of a row moves the others
    const names = [this.#table.dataset.file, ...cells.map(({ name }) => name)];
    this.#table.tHead.rows[0].replaceChildren(...names.map((name) => create("th", { scope: "col", textContent: name, title: name })));
  }

  update(page) {
    const row = this.#rows.get(page) ?? this.#append(page);
    const { record, state } = page;
    if (row.dataset.state !== state || state === "failed") this.#lay(row, page);
    if (!record) return;
    const suspects = new Set(record.violations.flatMap(({ fields }) => fields));
    this.#cells.forEach(({ name }, index) => show(row.cells[index + 1], record, name, suspects));
  }

  remove(page) {
    const row = this.#rows.get(page);
    if (!row) return;
    moveFocus(row, row.nextElementSibling?.querySelector("button") ?? row.previousElementSibling?.querySelector("button") ?? this.#table);
    row.remove();
    this.#rows.delete(page);
  }

  #append(page) {
    const remove = create("button", { className: "plain", textContent: "×", ariaLabel: texts.removePageLabel(page.name), title: texts.REMOVE });
    remove.dataset.do = "remove";
    const row = create("tr", {}, create("th", { scope: "row" }, create("div", {}, create("span", { textContent: page.name, title: page.name }), remove)));
    this.#rows.set(page, row);
    this.#pages.set(row, page);
    this.#body.append(row);
    return row;
  }

  // The cells of a page that was read, or one with words.
  #lay(row, page) {
    row.dataset.state = page.state;
    const [head] = row.cells;
    moveFocus(row, head.querySelector("button"));
    const cells = this.#cells.map(() => create("td", { tabIndex: -1 }));
    if (page.state === "read") row.replaceChildren(head, ...cells);
    else row.replaceChildren(head, create("td", { colSpan: cells.length }, create("div", { className: "row-words" }, ...words(page))));
    if (page.state === "read" && !this.#roving?.isConnected) this.#rove(row.cells[1]);
  }

  #click({ target }) {
    const page = this.#pages.get(target.closest("tr"));
    const { do: action } = target.closest("button")?.dataset ?? {};
    const cell = target.closest("td");
    if (action) this.emit(action, page);
    else if (cell && page.record) this.emit("open", { page, name: this.#cells[cell.cellIndex - 1].name });
  }

  #press(event) {
    const cell = event.target.closest("td");
    if (!cell || event.target.closest("button") || event.altKey || event.ctrlKey || event.metaKey) return;
    const [back, onwards] = lineArrows(cell);
    const steps = { ...STEPS, [back]: [0, -1], [onwards]: [0, 1] };
    if (event.key === "Enter" || event.key === " ") this.#click(event);
    else if (event.key in steps) this.#step(cell, steps[event.key]);
    else return;
    event.preventDefault();
  }

  #step(cell, [down, right]) {
    const rows = [...this.#body.rows].filter(({ dataset }) => dataset.state === "read");
    const row = rows[rows.indexOf(cell.parentElement) + down];
    const column = Math.min(Math.max(cell.cellIndex + right, 1), this.#cells.length);
    row?.cells[column].focus();
  }

  #rove(cell) {
    if (cell.tagName !== "TD") return;
    if (this.#roving) this.#roving.tabIndex = -1;
    this.#roving = cell;
    cell.tabIndex = 0;
  }
}

function words({ state, failure }) {
  if (state !== "failed") return [create("p", { className: "quiet", textContent: state === "reading" ? texts.READING : texts.WAITING })];
  const { headline, note } = texts.failureMessage(failure);
  const retry = create("button", { textContent: texts.RETRY });
  retry.dataset.do = "retry";
  return [create("p", {}, create("b", { textContent: headline }), ` ${note}`), retry];
}

function show(cell, record, name, suspects) {
  const field = record.fields[name];
  const state = stateOf(field);
  const text = field.value || texts.BLANK;
  if (cell.textContent !== text) cell.textContent = text;
  if (cell.dataset.state !== state) cell.dataset.state = state;
  cell.toggleAttribute("data-violation", suspects.has(name));
  const title = [texts.STATES[state], ...(suspects.has(name) ? violationsOf(record, name) : [])].filter(Boolean).join(". ");
  if (cell.title !== title) cell.title = title;
}
