// The tabs: the address says which one is shown, so that a link leads there and the back button works. Fires "show"
// with the tab's name.

import { Component, lineArrows, moveFocus } from "./component.js";

export class Tabs extends Component {
  #list;
  #tabs;

  constructor(list) {
    super();
    this.#list = list;
    this.#tabs = [...list.children];
  }

  listen(signal) {
    addEventListener("hashchange", () => this.#show(), { signal });
    this.#list.addEventListener("keydown", (event) => this.#press(event), { signal });
    this.#show();
  }

  go(name) {
    location.hash = name;
  }

  #press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser's own
    const at = this.#tabs.indexOf(event.target.closest("a"));
    const count = this.#tabs.length;
    const [back, onwards] = lineArrows(this.#list);
    const keys = { [back]: at + count - 1, [onwards]: at + 1, Home: 0, End: count - 1, " ": at };
    const next = this.#tabs[keys[event.key] % count];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.click();
  }

  // An address that is no tab's means the first.
  #show() {
    const shown = this.#tabs.find(({ hash }) => hash === location.hash) ?? this.#tabs[0];
    for (const tab of this.#tabs) {
      tab.ariaSelected = tab === shown;
      tab.tabIndex = tab === shown ? 0 : -1;
      panelOf(tab).toggleAttribute("data-shown", tab === shown);
    }
    for (const tab of this.#tabs) if (tab !== shown) moveFocus(panelOf(tab), panelOf(shown));
    document.title = `${shown.textContent} · digitrec`;
    scrollTo(0, 0);
    this.emit("show", shown.hash.slice(1));
  }
}

function panelOf({ hash }) {
  return document.getElementById(`panel-${hash.slice(1)}`);
}
