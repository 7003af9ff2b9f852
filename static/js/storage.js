// What the browser remembers. Its storage may be full or turned off, and then nothing is kept.

const PREFIX = "digitrec.";

export class PageStorage {
  #storage;

  // storage() gives the browser's, which throws at its mere name where it is switched off.
  constructor(storage) {
    this.#storage = storage;
  }

  get(name) {
    try {
      return JSON.parse(this.#storage().getItem(PREFIX + name));
    } catch {
      return null;
    }
  }

  // Calls `changed` when another window of the same page has written `name`, or has cleared everything.
  subscribe(window, name, changed, signal) {
    const heard = ({ key }) => (key === PREFIX + name || key === null) && changed();
    window.addEventListener("storage", heard, { signal });
  }

  // Returns whether it was kept.
  set(name, value) {
    try {
      this.#storage().setItem(PREFIX + name, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  }
}
