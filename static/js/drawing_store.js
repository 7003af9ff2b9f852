// Saves the drawing on the paper as a file, and opens one. Fires "open" with its strokes.

import { download } from "./download.js";
import { DrawingFileError, fault, readDrawing, writeDrawing } from "./drawing_file.js";
import { Component } from "./component.js";
import { t } from "./texts.js";

export class DrawingStore extends Component {
  #root;
  #pad;

  constructor(root, pad) {
    super();
    this.#root = root;
    this.#pad = pad;
  }

  listen(signal) {
    this.#root.querySelector("#save").addEventListener("click", () => this.#save(), { signal });
  }

  say(text) {
    this.#root.querySelector("#file-note").textContent = text;
  }

  // Opens the first of the files.
  async open([file, ...others]) {
    const rest = others.length ? ` ${t("The sheet holds one drawing: the others were left out.")}` : "";
    try {
      this.emit("open", readDrawing(await textOf(file)));
      this.say(rest && t("{name} was opened.", { name: file.name }) + rest);
    } catch (error) {
      if (!(error instanceof DrawingFileError)) throw error;
      this.say(`${file.name}: ${error.message}${rest}`);
    }
  }

  #save() {
    const { strokes } = this.#pad;
    this.say(strokes.length ? "" : t("There is nothing to save yet."));
    if (strokes.length) download("drawing.json", "application/json", writeDrawing(strokes));
  }
}

async function textOf(file) {
  try {
    return await file.text();
  } catch {
    throw fault(t("a file"), t("none that can be read. Choose it again"));
  }
}

export function isDrawingFile(file) {
  return file.type === "application/json" || file.name.endsWith(".json");
}
