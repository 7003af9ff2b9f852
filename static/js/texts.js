// The texts of the modules in the page's language; English ones are their own keys. The server puts the others into the
// page, from templates/texts/.

const texts = JSON.parse(globalThis.document?.getElementById("texts")?.textContent ?? "{}");

// The text with its {names} replaced by `values`.
export function t(text, values = {}) {
  return (texts[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
