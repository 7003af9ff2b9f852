// Writes answers into the history: a drawing is one entry however many strokes it takes.

const THUMB_PX = { width: 96, height: 192 }; // at most

export class Recorder {
  #history;
  #ids = new WeakMap(); // by a drawing's first stroke, which stays the same whatever is added, undone or redone

  constructor(history) {
    this.#history = history;
  }

  drawing(strokes, answer) {
    const [first] = strokes;
    if (!this.#ids.has(first)) this.#ids.set(first, `${Date.now()} ${Math.random()}`);
    this.#history.record({ ...entryOf(answer), id: this.#ids.get(first), strokes });
  }

  // An entry's drawing is on the paper again.
  goOn({ id, strokes }) {
    this.#ids.set(strokes[0], id);
  }

  async picture(file, answer) {
    const { name, size, lastModified } = file;
    const id = `${name}, ${size}, ${lastModified}`; // the same file read again is the same entry
    this.#history.record({ ...entryOf(answer), id, source: "picture", name, thumb: await thumbnail(file) });
  }
}

export function entryOf({ digit, confidence, probabilities, ink, model }) {
  const at = new Date().toISOString();
  return { at, source: "drawing", name: "", digit, confidence, probabilities, ink, model: `${model.name} ${model.version}` };
}

// A small copy as a data URL that fits into the history; "" where the browser cannot show the picture, a TIFF say.
async function thumbnail(file) {
  try {
    const picture = await createImageBitmap(file);
    const canvas = Object.assign(document.createElement("canvas"), thumbSize(picture));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    return canvas.toDataURL("image/webp", 0.8);
  } catch {
    return "";
  }
}

export function thumbSize({ width, height }) {
  const factor = Math.min(1, THUMB_PX.width / width, THUMB_PX.height / height);
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}
