// How a round went: the score, the time, the misses, and a picture to share.

import { create } from "../component.js";
import { download } from "../download.js";
import { drawingPicture } from "../svg.js";
import { scorePicture } from "./score_picture.js";
import * as texts from "./texts.js";

const NAME = "digitrec-0-to-9.png";

// results: a round's; title: its score and time; again() starts another.
export async function showResults(results, title, again) {
  const picture = scorePicture(results, title);
  const tools = create("form", { className: "tools", method: "dialog" });
  const dialog = create("dialog", { className: "score" },
    create("h1", { id: "score-title", tabIndex: -1, autofocus: true }, title),
    create("p", { className: "quiet" }, texts.TIME_NOTE), missList(results), picture, tools);
  dialog.setAttribute("aria-labelledby", "score-title");
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue === "again") again();
  });
  document.body.append(dialog);
  dialog.showModal();
  const blob = await new Promise((done) => picture.toBlob(done)); // before it is shared: only a fresh click may do that
  const file = new File([blob], NAME, { type: blob.type });
  const canShare = navigator.canShare?.({ files: [file] });
  tools.append(
    create("button", { type: "button", className: "choose", onclick: () => give(file, title, canShare) }, canShare ? texts.SHARE : texts.SAVE),
    create("button", { value: "again" }, texts.AGAIN),
    create("button", {}, texts.CLOSE));
}

function missList(results) {
  const misses = results.filter(({ verdict }) => verdict !== "right");
  if (misses.length === 0) return create("p", {}, texts.ALL_RIGHT);
  return create("ul", { className: "misses" }, misses.map((miss) => {
    const text = texts.captionText(miss);
    return create("li", {}, miss.strokes.length ? drawingPicture(miss.strokes, texts.drawingText(miss.digit)) : "", text);
  }));
}

async function give(file, text, canShare) {
  if (!canShare) return download(file.name, file.type, file);
  try {
    await navigator.share({ files: [file], text });
  } catch (error) {
    if (error.name !== "AbortError") download(file.name, file.type, file); // which is the person's own "no"
  }
}
