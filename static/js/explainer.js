// The switch that shows what the answer of one digit depends on. Fires "change".

import { boundsOf, pointsOf } from "./drawing.js";
import { inkBox, placeOnDrawing } from "./geometry.js";
import { Component } from "./component.js";

const INCLUDE = "normalized_image,saliency";
const WARM = [255, 122, 0]; // stands out from dark ink and from light

export class Explainer extends Component {
  #input;
  #view;
  #ask;
  #request = new AbortController();

  // view.overlay is set to the colours, { picture, x, y, width, height }, or to null; ask(kind, body, options, signal)
  // gives a promise of an answer.
  constructor(input, view, ask) {
    super();
    this.#input = input;
    this.#view = view;
    this.#ask = ask;
  }

  listen(signal) {
    this.#input.addEventListener("change", () => this.emit("change"), { signal });
    signal.addEventListener("abort", () => this.clear());
  }

  // Colours what `body`, strokes or a file, is asked about as one digit; null has no colours. On a drawing they have a
  // place, that of its `strokes`; without them they cover the ink that the network saw. It takes the server some 20 runs
  // of the network, so it is asked for only while the switch is on.
  async explain(body, strokes) {
    this.#request.abort();
    if (!this.#input.checked || !body) return this.clear();
    const { signal } = (this.#request = new AbortController());
    try {
      const { normalized_image: ink, saliency } = await this.#ask("predict", body, { include: INCLUDE }, signal);
      const overlay = { picture: coloured(await pixelsOf(saliency)), ...(strokes && (await placeOf(ink, strokes))) };
      if (!signal.aborted) this.#view.overlay = overlay;
    } catch {
      if (!signal.aborted) this.clear(); // the answer says what is wrong with the connection
    }
  }

  clear() {
    this.#request.abort();
    this.#view.overlay = null;
  }
}

// Where the network's image lies on the drawing.
async function placeOf(ink, strokes) {
  const plane = await pixelsOf(ink);
  return placeOnDrawing(inkBox(sharesOf(plane), plane.width), boundsOf(pointsOf(strokes).flat()), plane.width);
}

async function pixelsOf(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const context = sheet(image.naturalWidth, image.naturalHeight);
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, image.naturalWidth, image.naturalHeight);
}

// Grey becomes opacity.
function coloured(pixels) {
  const { data, width, height } = pixels;
  for (let at = 0; at < data.length; at += 4) {
    data[at + 3] = data[at];
    data.set(WARM, at);
  }
  const context = sheet(width, height);
  context.putImageData(pixels, 0, 0);
  return context.canvas;
}

function sharesOf({ data }) {
  return Array.from({ length: data.length / 4 }, (_, index) => data[index * 4] / 255);
}

function sheet(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return canvas.getContext("2d", { willReadFrequently: true });
}
