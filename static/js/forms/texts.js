// What the Forms tab says, apart from templates/panels/forms.html.

import { uploadErrorMessage } from "../failure_messages.js";
import { percent } from "../messages.js";
import { decimal, t } from "../texts.js";

export const KINDS = { digit: t("One digit"), number: t("Number"), comb: t("Comb of boxes"), grid: t("Grid of boxes") };
export const CONSTRAINTS = { "": t("Any number"), length: t("So many digits"), pattern: t("Pattern"), choices: t("One of these") };
export const HINTS = { length: "4", pattern: "dd-dd", choices: "1, 2, 3" };
export const RULES = { sum: t("Sum"), luhn: t("Check digit, Luhn"), mod97: t("Check digits, mod 97"), range: t("Range"), date: t("Date") };
export const DATE_FORMATS = {
  DDMMYYYY: t("DDMMYYYY"), MMDDYYYY: t("MMDDYYYY"), YYYYMMDD: t("YYYYMMDD"), DDMMYY: t("DDMMYY"), MMDDYY: t("MMDDYY"), YYMMDD: t("YYMMDD"),
};
export const STATES = { doubt: t("to check"), corrected: t("corrected"), blank: t("blank"), sure: "" };

export const BLANK = t("blank");
export const READING = t("Reading…");
export const WAITING = t("Waiting");
export const RETRY = t("Try again");
export const REMOVE = t("Remove");
export const OPEN = t("Open");
export const DELETE = t("Delete");
export const NO_BOXES = t("No printed boxes were found. Draw one on the picture.");
export const NO_FIELDS = t("Draw at least one field on the picture first.");
export const NO_PICTURE = t("This template has no picture inside. Choose it together with its picture of the blank form.");
export const NOT_A_TEMPLATE = t("This file is not a template of a form.");
export const NOT_A_PICTURE = t("The browser cannot show this picture. Save it as PNG or JPEG.");
export const EXAMPLE_MISSING = t("The example did not load. Check the connection and try again.");
export const ALL_CHECKED = t("Everything is checked.");
export const SHIPPED = t("The shipped model reads again.");

const counted = (number) => ({ count: decimal(number) });
const pagesText = (count) => t(count === 1 ? "{count} page" : "{count} pages", counted(count));
const fieldsText = (count) => t(count === 1 ? "{count} field" : "{count} fields", counted(count));
const digitsText = (count) => t(count === 1 ? "{count} digit" : "{count} digits", counted(count));
const correctionsText = (count) => t(count === 1 ? "{count} correction" : "{count} corrections", counted(count));

export const foundMessage = (found) => t("{fields} found. Correct them, name them, and go on.", { fields: fieldsText(found) });

export function fieldSummary({ kind = "number", boxes, rows, columns }) {
  if (kind === "comb") return t("Comb of {boxes}", { boxes });
  return kind === "grid" ? t("Grid of {rows} × {columns}", { rows, columns }) : KINDS[kind] ?? kind;
}

export const boxMessage = (name, [left, top, width, height]) => `${name}: ${left}, ${top}, ${width} × ${height}`;
export const removedMessage = (name) => t("{name} is removed. Undo brings it back.", { name });
export const removeRuleLabel = (rule) => t("Remove the rule: {rule}", { rule: ruleText(rule) });

export function ruleText({ kind, field, fields = [], total, minimum = 0, maximum, format }) {
  const isOpen = maximum === undefined || maximum === null;
  return {
    sum: `${fields.join(" + ")} = ${total}`,
    luhn: t("{field}: check digit by Luhn", { field }),
    mod97: t("{field}: 1 modulo 97", { field }),
    range: t(isOpen ? "{field}: at least {minimum}" : "{field}: {minimum} to {maximum}", { field, minimum, maximum }),
    date: t("{field}: a date, {format}", { field, format: DATE_FORMATS[format] ?? format }),
  }[kind];
}

// left: how many fields are to check.
export function progressMessage(pages, left) {
  const all = pagesText(pages.length);
  const done = pages.filter(({ state }) => ["read", "failed"].includes(state)).length;
  const failed = pages.filter(({ state }) => state === "failed").length;
  if (done < pages.length) return t("{done} of {pages} read", { done, pages: all });
  const unread = failed ? t(", {failed} not read", { failed }) : "";
  return `${all}${unread}. ${left ? t("{fields} to check.", { fields: fieldsText(left) }) : ALL_CHECKED}`;
}

export const checkProgress = (position, length, left) => (left ? t("{position} of {length} to check", { position, length }) : ALL_CHECKED);
export const checkTitle = (name, page) => `${name}, ${page}`;
export const imageLabel = (name) => t("{name} as it is on the page", { name });
export const draftMessage = ({ value, failure }, now) => (failure.kind === "conflict"
  ? t("Somebody else has changed this page; here it is “{now}” now. You typed {value}. Enter keeps yours, Escape theirs.", { now, value })
  : t("Not saved. {note}", { note: failureMessage(failure).note }));

// Why a field is to be checked.
export function doubtMessage({ text, error, confidence }, violations) {
  const read = text === ""
    ? error || t("Nothing is written here.")
    : t("Read as {text}, {percent} sure.", { text, percent: percent(confidence) });
  return [read, ...violations.map((violation) => t("Cannot be: {violation}", { violation }))].join(" ");
}

export function failureMessage(failure) {
  const { detail } = failure.problem;
  if (failure.kind === "mismatch") return { headline: t("Not this form"), note: t("Another page, only a part of it, or too blurred. Photograph the whole page, sharp.") };
  if (failure.kind === "rejected" && detail) return { headline: t("The template does not fit"), note: `${detail[0].toUpperCase()}${detail.slice(1)}` };
  return uploadErrorMessage(failure);
}

export const failureText = (failure) => Object.values(failureMessage(failure)).filter(Boolean).join(". ").replace("..", ".");
export const knownMessage = (name) => t("{name} is in the table already.", { name });
export const discardMessage = (corrected) =>
  t("The fields have changed: all pages are read again, and {corrections} will be lost. Go on?", { corrections: correctionsText(corrected) });
export const leaveMessage = (corrected) => t("{corrections} of this table will be lost. Go on?", { corrections: correctionsText(corrected) });
export const formMessage = ({ records, unchecked }) => t("{pages}, {unchecked} to check", { pages: pagesText(records), unchecked });
export const removeFormMessage = (name) => t("Delete the form {name}, its pages and all corrections?", { name });
export const removeAllMessage = t("Delete all forms, pages and corrections on this server?");
export const removePageLabel = (name) => t("Remove {name}", { name });
export const correctedMessage = (digits) => t("{digits} corrected or confirmed so far.", { digits: digitsText(digits) });
export const adaptingMessage = t("The model learns. This takes some seconds.");
export const noImprovementMessage = t("Nothing has changed: the digits that were held out are not read better. Correct more pages first.");
export const adaptedMessage = ({ before, after, digits, held_out: held }) =>
  t("Of {held} held out, {before} were right before and {after} are now. Learned from {digits}.", {
    held: digitsText(held), before: Math.round(before * held), after: Math.round(after * held), digits: digitsText(digits),
  });
