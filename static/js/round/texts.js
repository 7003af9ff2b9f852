// What a round says.

import { drawingErrorMessage } from "../failure_messages.js";
import { textOf } from "../messages.js";
import { decimal, t } from "../texts.js";

export const TITLE = t("Write 0 to 9");
export const WRITE = t("Now write");
export const NEXT = t("Next");
export const AGAIN = t("Start again");
export const LEAVE = t("Give up");
export const CLOSE = t("Close");
export const SHARE = t("Share the picture");
export const SAVE = t("Save the picture");
export const RIGHT = t("Recognized.");
export const READING = t("It is still being read.");
export const TIME_NOTE = t("From the first stroke to the last. The time in which your writing was read does not count.");

const CHANGE = t("Change it, or press Next.");
const WAITS = t("The round waits.");

export const askText = (digit) => `${WRITE} ${digit}.`;
export const progressText = (digit) => t("{number} of 10", { number: digit + 1 });

export const secondsText = (ms) => `${decimal(ms / 1000, 1)}\u00a0s`;
export const scoreText = (score, ms) => t("{score} of 10 in {time}", { score, time: secondsText(ms) });

// What a drawing that is not the digit was taken for.
function missText({ answer, verdict }) {
  switch (verdict) {
    case "blank": return t("not written");
    case "unread": return t("not read");
    case "none": return t("taken for no digit");
    case "doubt": return t("not sure, perhaps {what}", { what: textOf(answer) });
    default: return t("taken for {what}", { what: textOf(answer) });
  }
}

export function missSentence(result) {
  const text = missText(result);
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

export const captionText = (miss) => `${miss.digit}: ${missText(miss)}`;
export const wrongText = (result) => `${missSentence(result)} ${CHANGE}`;

export function failureText(failure) {
  return `${drawingErrorMessage(failure).headline}. ${failure.isTransient ? WAITS : CHANGE}`;
}

export const PICTURE = t("The ten drawings");
export const drawingText = (digit) => t("Your {digit}", { digit });
export const ALL_RIGHT = t("All ten were recognized.");
