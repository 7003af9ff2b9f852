// A tab whose modules come with its first use.

import { NOT_LOADED } from "./messages.js";

// make(module, panel) gives the tab. Returns open(use), which calls use(tab) once the modules are there; where they do
// not come, the panel's note says so, and the next call tries again.
export function lazyTab(name, address, make) {
  let tab;
  return async (use = () => {}) => {
    const module = await import(address).catch(() => null);
    if (!module) return Object.assign(document.getElementById(`${name}-note`), { hidden: false, textContent: NOT_LOADED });
    if (!tab) (tab = make(module, document.getElementById(`panel-${name}`))).enable();
    return use(tab);
  };
}
