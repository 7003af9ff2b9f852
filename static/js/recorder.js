// Writes answers into the history: a drawing is one entry however many strokes it takes.

const THUMB_PX = 96;

export class Recorder {
  #history;

  // drawingId is the entry of the drawing on the paper; null on a new one.
  drawingId = null;

  constructor(history) {
    this.#history = history;
  }

  drawing(strokes, answer) {
    this.drawingId ??= this.#idOf(strokes) ?? `${Date.now()} ${Math.random()}`;
    this.#history.record({ ...entryOf(answer), id: this.drawingId, strokes });
  }

  async picture(file, answer) {
    const { name, size, lastModified } = file;
    const id = `${name}, ${size}, ${lastModified}`; // the same file read again is the same entry
    this.#history.record({ ...entryOf(answer), id, source: "picture", name, thumb: await thumbnail(file) });
  }

  // Undo after clear brings back a drawing that has its entry.
  #idOf(strokes) {
    const drawn = JSON.stringify(strokes);
    return this.#history.entries.find((entry) => JSON.stringify(entry.strokes) === drawn)?.id;
  }
}

export function entryOf({ digit, confidence, probabilities, ink, model }) {
  const at = new Date().toISOString();
  return { at, source: "drawing", name: "", digit, confidence, probabilities, ink, model: `${model.name} ${model.version}` };
}

// A small copy as a data URL that fits into the history; "" where the browser cannot show the picture, a TIFF say.
async function thumbnail(file) {
  try {
    const picture = await createImageBitmap(file, { resizeWidth: THUMB_PX, resizeQuality: "medium" });
    const canvas = document.createElement("canvas");
    canvas.width = THUMB_PX;
    canvas.height = Math.min(picture.height, 2 * THUMB_PX);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    return canvas.toDataURL("image/webp", 0.8);
  } catch {
    return "";
  }
}
