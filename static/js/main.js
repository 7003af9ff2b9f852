// Puts the parts together. Each part knows its own elements and nothing of the others.

import { AnswerView } from "./answer_view.js";
import { predictFile, predictStrokes } from "./client.js";
import { LiveAnswer } from "./live_answer.js";
import { PictureIntake } from "./picture_intake.js";
import { PictureList } from "./picture_list.js";
import { StrokePad } from "./stroke_pad.js";

const element = (id) => document.getElementById(id);

const pad = new StrokePad(element("pad"));
const view = new AnswerView(element("answer"));
const live = new LiveAnswer(predictStrokes);
const intake = new PictureIntake(element("files"), element("curtain"));
const pictures = new PictureList(element("pictures"), predictFile, Number(element("curtain").dataset.maxBytes));

live.addEventListener("answer", ({ detail }) => view.showPrediction(detail));
live.addEventListener("failure", ({ detail }) => view.showFailure(detail));
live.addEventListener("idle", () => view.showNothing());
intake.addEventListener("files", ({ detail }) => pictures.add(detail));

pad.addEventListener("change", () => {
  const drawn = !pad.isEmpty;
  element("hint").toggleAttribute("data-gone", drawn);
  for (const id of ["undo", "clear"]) element(id).setAttribute("aria-disabled", String(!drawn));
  live.update(pad.strokes);
});

element("undo").addEventListener("click", () => pad.undo());
element("clear").addEventListener("click", () => pad.clear());
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey) {
    event.preventDefault();
    pad.undo();
  } else if (event.key === "Delete") {
    pad.clear();
  }
});

for (const part of [pad, intake]) part.enable();
