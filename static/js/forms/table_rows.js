// The records as a table for other programs: CSV, JSON, and rows for a workbook. Pure.

import { csvLine } from "../export_rows.js";
import { stateOf, violationsOf } from "./records.js";

// [{ value, isDoubtful }] for each column, the header first. A page that was not read has its error in the last one.
export function rowsOf(pages, cells) {
  const header = ["file", "checked", ...cells.map(({ name }) => name), "violations", "error"].map((value) => ({ value }));
  return [header, ...pages.map((page) => (page.record ? recordRow(page, cells) : failureRow(page, cells)))];
}

function recordRow({ name, record }, cells) {
  const isChecked = record.state === "checked";
  const values = cells.map((cell) => {
    const field = record.fields[cell.name];
    return { value: field.value, isDoubtful: stateOf(field) === "doubt" };
  });
  return [{ value: name }, { value: isChecked, isDoubtful: !isChecked }, ...values, { value: violationsOf(record).join("\n") }, { value: "" }];
}

function failureRow({ name, error }, cells) {
  return [{ value: name, isDoubtful: true }, { value: false, isDoubtful: true }, ...cells.map(() => ({ value: "" })), { value: "" }, { value: error }];
}

export function toCsv(pages, cells) {
  return rowsOf(pages, cells).map((row) => csvLine(row.map(({ value }) => value))).join("");
}

export function toJson(pages, cells) {
  return JSON.stringify(pages.map(({ name, record, error }) => (record ? jsonRecord(name, record, cells) : { file: name, error })), null, 2);
}

function jsonRecord(name, record, cells) {
  const fields = cells.map((cell) => {
    const { value, text, confidence, needs_check, checked_at } = record.fields[cell.name];
    return [cell.name, { value, text, confidence, needs_check, checked_at }];
  });
  return { file: name, state: record.state, fit: record.fit, violations: record.violations, fields: Object.fromEntries(fields) };
}

