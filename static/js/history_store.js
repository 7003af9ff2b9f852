// The history in IndexedDB, which has room for years; where there is none, in private windows say, it keeps nothing.

import { openDB } from "idb";

const NAME = "digitrec";
const TABLE = "history";
const AT_ONCE = 100; // entries: to copy a thousand out of the database would stop the page for a moment

export class HistoryStore {
  #channel = new BroadcastChannel("digitrec.history"); // to other windows of the page
  #opened = opened();

  constructor() {
    this.#opened.catch(() => {}); // each use fails, and says so
  }

  // Calls `changed` when another window has written.
  subscribe(changed, signal) {
    this.#channel.addEventListener("message", changed, { signal });
  }

  async all() {
    const database = await this.#opened;
    const entries = [];
    let range = null;
    for (;;) {
      const some = await database.getAll(TABLE, range, AT_ONCE);
      entries.push(...some);
      if (some.length < AT_ONCE) return entries;
      range = IDBKeyRange.lowerBound(some.at(-1).id, true);
    }
  }

  put(entries) {
    return this.#write((table) => entries.map((entry) => table.put(entry)));
  }

  remove(ids) {
    return this.#write((table) => ids.map((id) => table.delete(id)));
  }

  async #write(write) {
    const transaction = (await this.#opened).transaction(TABLE, "readwrite");
    await Promise.all([...write(transaction.store), transaction.done]);
    this.#channel.postMessage("written");
  }
}

async function opened() {
  return openDB(NAME, 1, { upgrade: (database) => database.createObjectStore(TABLE, { keyPath: "id" }) });
}
