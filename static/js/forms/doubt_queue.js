// The fields to check, across all pages, in the order of the pages. What was checked stays, so that a person can go back.

export class DoubtQueue {
  #items = []; // { page, name }, the page's record may change
  #at = 0;

  // The field under check, or undefined where there is none.
  get current() {
    return this.#items[this.#at];
  }

  get position() {
    return this.#at + 1;
  }

  get length() {
    return this.#items.length;
  }

  // How many still need a person.
  get left() {
    return this.#items.filter(needsCheck).length;
  }

  // What needs a check by now comes in; what needs none any more, and had none, goes. The current one stays.
  update(pages) {
    const { current } = this;
    const kept = this.#items.filter((item) => item === current || needsCheck(item) || wasChecked(item));
    const known = new Set(kept.map(keyOf));
    const added = pages
      .filter(({ record, drafts }) => record && (record.state !== "checked" || drafts.size))
      .flatMap((page) => doubtsOf(page))
      .filter((item) => !known.has(keyOf(item)));
    this.#items = [...kept.filter(({ page }) => pages.includes(page)), ...added];
    const at = this.#items.indexOf(current);
    this.#at = at < 0 ? Math.max(0, this.#items.findIndex(needsCheck)) : at;
  }

  // Goes to the next field that needs a check, from the start again after the last; returns whether there is one.
  next() {
    const after = [...this.#items.keys()].map((step) => (this.#at + 1 + step) % this.#items.length);
    const found = after.find((index) => needsCheck(this.#items[index]));
    if (found !== undefined) this.#at = found;
    return found !== undefined;
  }

  // Goes `by` fields on, checked or not; stops at the ends.
  move(by) {
    this.#at = Math.min(Math.max(this.#at + by, 0), Math.max(this.#items.length - 1, 0));
  }

  // Goes to any field of a page, doubtful or not.
  goTo(page, name) {
    let index = this.#items.findIndex((item) => item.page === page && item.name === name);
    if (index < 0) {
      index = Math.min(this.#at + 1, this.#items.length);
      this.#items.splice(index, 0, { page, name });
    }
    this.#at = index;
  }
}

// Of a broken rule, the fields come last that were read without a doubt: most likely another one is wrong.
function doubtsOf(page) {
  const items = Object.keys(page.record.fields).map((name) => ({ page, name })).filter(needsCheck);
  return [false, true].flatMap((isSure) => items.filter((item) => fieldOf(item).accepted === isSure));
}

const fieldOf = ({ page, name }) => page.record?.fields[name];
const needsCheck = (item) => Boolean(fieldOf(item)?.needs_check || item.page.drafts.has(item.name));
const wasChecked = (item) => Boolean(fieldOf(item)?.checked_at);
const keyOf = ({ page, name }) => `${page.key}/${name}`;
