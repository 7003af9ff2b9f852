// One entry of the history, made from its template; view.act(name, id) and view.label(id, label) do what is pressed.

import { create } from "./component.js";
import { decide, isReading } from "./decision.js";
import { textOf } from "./messages.js";
import { drawingPicture, NO_PICTURE } from "./svg.js";
import { t } from "./texts.js";

export function historyItem(template, entry, rule, view) {
  const item = template.content.firstElementChild.cloneNode(true);
  const part = (name) => item.querySelector(name);
  Object.assign(item.dataset, { id: entry.id, at: entry.at, state: decide(entry, rule) });
  part(".entry-picture").append(pictureOf(entry));
  part(".result-name").textContent = [new Date(entry.at).toLocaleString(), entry.name].filter(Boolean).join(", ");
  part(".ink").src = entry.ink ?? "";
  part(".ink").hidden = !entry.ink;
  part(isReading(entry) ? "select" : "input").remove();
  const label = part("[data-do=label]");
  label.value = entry.label;
  label.addEventListener("input", () => label.reportValidity() && view.label(entry.id, label.value));
  part("[data-do=reopen]").hidden = entry.source !== "drawing";
  for (const name of ["reopen", "report", "remove"]) {
    part(`[data-do=${name}]`).addEventListener("click", () => view.act(name, entry.id));
  }
  return item;
}

export function pictureOf(entry) {
  const { source, strokes, thumb, name } = entry;
  if (source === "picture") return create("img", { src: thumb || NO_PICTURE, alt: t("The picture {name}", { name }) });
  return drawingPicture(strokes, t("A drawing, read as {text}", { text: textOf(entry) }));
}
