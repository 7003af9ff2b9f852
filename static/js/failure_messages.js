// What the page says of failures: their kinds are in client.js.

import { t } from "./texts.js";

// What passes by itself is the same everywhere; what happens next is the place's to say.
const TRANSIENT = {
  offline: [t("You are offline"), ""],
  unreachable: [t("The server does not answer"), ""],
  slow: [t("The server is slow"), t("It gave no answer in time. ")],
  "rate-limited": [t("Too many questions at once"), t("The server asks for a short break. ")],
  unavailable: [t("The model is not ready"), t("The server is up, its model is not. ")],
};
const DRAWING = {
  next: t("Your drawing is kept, and read as soon as it can be."),
  blank: [t("Too little to read"), t("A dot is no digit yet. Go on writing.")],
  rejected: [t("Too much ink"), t("Clear the paper and write less.")],
  "too-large": [t("Too much ink"), t("The server does not take a drawing this large. Clear the paper and write less.")],
  "bad-constraint": [t("This cannot be any number"), t("The server does not take what is given about the number. Change it under Options.")],
};
const PICTURE = {
  next: t("It is read as soon as it can be."),
  blank: [t("Nothing on it"), t("The picture looks blank. Try a darker or a closer one.")],
  "too-large": [t("Too large"), t("Make the picture smaller. 1,000 pixels are plenty.")],
  "not-image": [t("Not a picture"), t("Choose a PNG, JPEG, WebP, BMP, GIF or TIFF file.")],
  unreadable: [t("Cannot be read"), t("The file is empty, broken or no longer there. Save it again, and choose the new file.")],
};
const CARD = { next: t("Try again in a moment.") };

export const drawingErrorMessage = (failure) => errorMessage(DRAWING, failure);
export const uploadErrorMessage = (failure) => errorMessage(PICTURE, failure);
export const cardErrorMessage = (failure) => errorMessage(CARD, failure);

function errorMessage(known, { kind, requestId }) {
  if (kind in TRANSIENT) {
    const [headline, why] = TRANSIENT[kind];
    return { headline, note: why + known.next };
  }
  const request = requestId ? ` ${t("Request {id}.", { id: requestId })}` : "";
  const [headline, note] = known[kind] ?? [t("Something went wrong here"), t("The fault is ours.") + request];
  return { headline, note };
}
