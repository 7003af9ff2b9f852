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

  set(name, value) {
    try {
      this.#storage().setItem(PREFIX + name, JSON.stringify(value));
    } catch {
      // It lasts as long as the page.
    }
  }

  remove(name) {
    try {
      this.#storage().removeItem(PREFIX + name);
    } catch {
      // What cannot be written cannot be read either.
    }
  }
}
