// A part of the page: whatever enables can disable, and it tells others what happened without knowing them.

export class Component extends EventTarget {
  #enabled = new AbortController();

  enable() {
    this.#enabled = new AbortController();
    this.listen(this.#enabled.signal);
  }

  disable() {
    this.#enabled.abort(); // and with it every listener
  }

  emit(name, detail) {
    this.dispatchEvent(Object.assign(new Event(name), { detail })); // Node 18, for the tests, has no CustomEvent
  }
}

// Listens with the functions in `handlers`, by their events' names, until `signal` is aborted.
export function listen(target, handlers, signal) {
  for (const [name, handler] of Object.entries(handlers)) target.addEventListener(name, handler, { signal });
}

// Gives the focus to `to` if it is in `from`, which is about to go: the browser would send it to the page's beginning.
export function moveFocus(from, to) {
  if (from.contains(document.activeElement)) to.focus();
}

// The arrow keys that lead back and onwards along a line, which may run from right to left.
export function lineArrows(element) {
  const arrows = ["ArrowLeft", "ArrowRight"];
  return getComputedStyle(element).direction === "rtl" ? arrows.reverse() : arrows;
}

// A new element with properties and children; what is no child is left out.
export function create(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}
