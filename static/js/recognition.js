// Asks what is on a drawing or in a picture: one digit or a number, whichever it is. An answer is a prediction or a reading.
//
// A reading is { text, transcript, confidence, accepted, digits: [{ digit, confidence, probabilities, box: [x, y, width, height],
// normalized_image }, ...] }, the boxes in the strokes' own units or the picture's pixels.

import { Failure } from "./client.js";
import { hasSeveral } from "./decision.js";

const INK = { include: "normalized_image" };

export class Recognition {
  #ask;
  #wasNumber = false; // what was a number stays one at the next stroke, mostly

  // ask(kind, body, options, signal) gives a promise of a "predict" or a "read".
  constructor(ask) {
    this.#ask = ask;
  }

  // constraint: what is known of the number, { length: 5 } say, or null.
  async recognize(body, constraint, signal) {
    if (constraint) return this.#readWith(body, constraint, signal);
    if (this.#wasNumber) {
      const reading = await this.#ask("read", body, INK, signal);
      if (hasSeveral(reading) && reading.accepted) return reading;
    }
    const prediction = await this.#ask("predict", body, INK, signal);
    const reading = mayBeNumber(prediction) ? await this.#ask("read", body, INK, signal) : null;
    this.#wasNumber = isNumber(reading, prediction);
    return this.#wasNumber ? reading : prediction;
  }

  async #readWith(body, constraint, signal) {
    try {
      return await this.#ask("read", body, { ...INK, ...constraint }, signal);
    } catch (failure) {
      throw failure.kind === "rejected" ? new Failure("bad-constraint") : failure;
    }
  }
}

const mayBeNumber = ({ reason }) => ["several_digits", "no_digit"].includes(reason);

// Writing next to one digit is shown as such; what is no digit for the one is not made a number by the other's guess.
function isNumber(reading, { reason }) {
  return Boolean(reading) && hasSeveral(reading) && (reading.accepted || reason === "several_digits");
}
