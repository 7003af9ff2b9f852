// The switch that shows on the drawing what its answer leans on. Fires "change".

import { boundsOf, pointsOf } from "./drawing.js";
import { inkBox, placeOnDrawing } from "./geometry.js";
import { Component } from "./component.js";

const WARM = [255, 122, 0]; // stands out from dark ink and from light

export class Explainer extends Component {
  #input;
  #pad;
  #ask;
  #request = new AbortController();

  // ask(strokes, signal) gives a promise of a prediction with its saliency.
  constructor(input, pad, ask) {
    super();
    this.#input = input;
    this.#pad = pad;
    this.#ask = ask;
  }

  listen(signal) {
    this.#input.addEventListener("change", () => this.emit("change"), { signal });
    signal.addEventListener("abort", () => this.clear());
  }

  // Colours `strokes`, those of one digit on the sheet. It takes the server some 20 runs of the network, so it is asked for
  // only while the switch is on.
  async explain(strokes) {
    this.#request.abort();
    if (!this.#input.checked || strokes.length === 0) return this.clear();
    const { signal } = (this.#request = new AbortController());
    try {
      const overlay = await saliencyOverlay(await this.#ask(strokes, signal), strokes);
      if (!signal.aborted) this.#pad.overlay = overlay;
    } catch {
      if (!signal.aborted) this.clear(); // the answer says what is wrong with the connection
    }
  }

  clear() {
    this.#request.abort();
    this.#pad.overlay = null;
  }
}

// Null where there is no ink.
async function saliencyOverlay({ normalized_image: ink, saliency }, strokes) {
  const [inkPlane, heat] = await Promise.all([pixelsOf(ink), pixelsOf(saliency)]);
  const box = inkBox(sharesOf(inkPlane), inkPlane.width);
  if (!box) return null;
  return { picture: coloured(heat), ...placeOnDrawing(box, boundsOf(pointsOf(strokes).flat()), inkPlane.width) };
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
