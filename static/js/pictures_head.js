// How far the board of pictures is.

import { picturesMessage } from "./messages.js";

export function showProgress(panel, items, removedCount) {
  const part = (name) => panel.querySelector(name);
  const count = items.length;
  const done = items.filter(({ isDone }) => isDone).length;
  const bad = items.filter(({ isBad }) => isBad).length;
  panel.toggleAttribute("data-filled", count > 0);
  part("#pictures-head").hidden = count + removedCount === 0;
  part("#pictures-undo").hidden = removedCount === 0;
  const progress = part("progress");
  Object.assign(progress, { max: Math.max(count, 1), value: done });
  progress.toggleAttribute("data-done", done === count);
  const words = picturesMessage(count, done, bad, removedCount);
  const progressWords = part("#progress-words");
  if (progressWords.textContent !== words) progressWords.textContent = words; // a screen reader would say the same again
}
