// The texts of the modules in the page's language; English ones are their own keys. The server puts the others into the
// page, from templates/texts/.

const page = globalThis.document;
const texts = JSON.parse(page?.getElementById("texts")?.textContent ?? "{}");
const language = page?.documentElement.lang || "en";

// The text with its {names} replaced by `values`.
export function t(text, values = {}) {
  return (texts[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// A number as the page's language writes it.
export function decimal(number, places = 0) {
  return number.toLocaleString(language, { minimumFractionDigits: places, maximumFractionDigits: places });
}
