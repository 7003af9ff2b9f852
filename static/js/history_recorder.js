// Writes answers into the history: a drawing is one entry however many strokes it takes.

import { kindOf, thresholdOf } from "./decision.js";

const THUMBNAIL_PX = 148; // at most, as the report shows it; a screen of two pixels to one has both

export class HistoryRecorder {
  #history;
  #rule;
  #ids = new WeakMap(); // by a drawing's first stroke, which stays the same whatever is added, undone or redone

  // rule() gives the rule that holds.
  constructor(history, rule) {
    this.#history = history;
    this.#rule = rule;
  }

  drawing(strokes, answer) {
    const [first] = strokes;
    if (!this.#ids.has(first)) this.#ids.set(first, `${Date.now()} ${Math.random()}`);
    this.#history.record({ ...entryOf(answer, this.#rule()), id: this.#ids.get(first), strokes });
  }

  // What the person says that it is; an entry that was removed comes back.
  labelDrawing(strokes, answer, label) {
    if (!this.#history.find(this.#ids.get(strokes[0]))) this.drawing(strokes, answer);
    this.#history.label(this.#ids.get(strokes[0]), label);
  }

  // An entry's drawing is on the paper again.
  resume({ id, strokes }) {
    this.#ids.set(strokes[0], id);
  }

  async picture(file, answer) {
    this.#history.record(await this.entryOfPicture(file, answer));
  }

  async labelPicture(file, answer, label) {
    const id = pictureId(file, answer);
    if (!this.#history.find(id)) await this.picture(file, answer);
    this.#history.label(id, label);
  }

  async entryOfPicture(file, answer) {
    const id = pictureId(file, answer);
    return { ...entryOf(answer, this.#rule()), id, source: "picture", name: file.name, thumb: await thumbnail(file) };
  }
}

// The same file read again is the same entry.
const pictureId = ({ name, size, lastModified }, answer) => `${name}, ${size}, ${lastModified}, ${kindOf(answer)}`;

export function entryOf(answer, rule) {
  const { text, transcript, digits, digit, confidence, probabilities, reason, normalized_image: ink, model } = answer;
  return {
    threshold: thresholdOf(answer, rule),
    at: new Date().toISOString(), source: "drawing", name: "", model: `${model.name} ${model.version}`, confidence,
    ...(text === undefined ? { digit, probabilities, reason, ink } : { text, transcript, digits: digits.map(digitSummary) }),
  };
}

const digitSummary = ({ digit, confidence }) => ({ digit, confidence });

// A small copy as a data URL that fits into the history; "" where the browser cannot show the picture, a TIFF say.
async function thumbnail(file) {
  try {
    const picture = await createImageBitmap(file);
    const size = thumbnailSize(picture, THUMBNAIL_PX * Math.min(2, devicePixelRatio));
    const context = Object.assign(document.createElement("canvas"), size).getContext("2d");
    Object.assign(context, { fillStyle: "#fff", imageSmoothingQuality: "high" }); // on white, as the server sees it
    context.fillRect(0, 0, size.width, size.height);
    context.drawImage(picture, 0, 0, size.width, size.height);
    picture.close();
    return context.canvas.toDataURL("image/jpeg", 0.8); // some 10 KB: every browser writes it, and a hundred fit
  } catch {
    return "";
  }
}

export function thumbnailSize({ width, height }, most) {
  const factor = Math.min(1, most / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}
