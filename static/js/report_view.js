// The report of one answer: to look at, to print, and to download as one file that needs nothing else.

import { download } from "./download.js";
import { pictureOf } from "./history_item.js";
import { create, Component } from "./component.js";
import { svg } from "./svg.js";
import { thresholdOf, decide } from "./decision.js";
import { resultMessage, percent, textOf } from "./messages.js";
import { t } from "./texts.js";

export class ReportView extends Component {
  #dialog;
  #part = (name) => this.#dialog.querySelector(name);
  #name = "";

  constructor(dialog) {
    super();
    this.#dialog = dialog;
  }

  listen(signal) {
    const save = () => download(`${this.#name}.html`, "text/html", this.#page());
    this.#part("[data-do=print]").addEventListener("click", () => print(), { signal });
    this.#part("[data-do=download]").addEventListener("click", save, { signal });
  }

  // Shows the report of a history entry, see history.js.
  show(entry, rule) {
    const { headline, note, detail = "" } = resultMessage(entry, rule);
    this.#part(".report-answer").textContent = decide(entry, rule) === "none" ? "?" : textOf(entry);
    this.#part(".report-verdict").textContent = `${headline}. ${note} ${detail}`;
    this.#part("[data-part=image]").replaceChildren(pictureOf(entry));
    this.#part("[data-part=ink]").src = entry.ink ?? "";
    this.#part("[data-part=ink]").parentElement.hidden = !entry.ink;
    const digits = entry.digits ?? entry.probabilities.map((confidence, digit) => ({ digit, confidence }));
    this.#part("tbody").replaceChildren(...digits.map(probabilityRow));
    this.#part("dl").replaceChildren(...termsOf(entry, rule));
    this.#name = `digitrec-report-${entry.at.slice(0, 19).replaceAll(":", "-")}`;
    this.#dialog.showModal();
  }

  // The print style sheet goes into the file, so that it looks as on paper.
  #page() {
    const sheet = [...document.styleSheets].find(({ media }) => media.mediaText === "print");
    const style = [...sheet.cssRules].map(({ cssText }) => cssText).join("\n");
    const article = this.#part("article").cloneNode(true);
    for (const name of ["autofocus", "tabindex"]) article.querySelector("h1").removeAttribute(name);
    const head = `<meta charset="utf-8"><title>${this.#name}</title><style>${style}</style>`;
    return `<!doctype html>\n<html lang="${document.documentElement.lang}"><head>${head}</head><body>${article.outerHTML}</body></html>\n`;
  }
}

function probabilityRow({ digit, confidence }) {
  const bar = svg("rect", { width: (confidence * 100).toFixed(2), height: 10 });
  const box = { viewBox: "0 0 100 10", preserveAspectRatio: "none", class: "report-bar", "aria-hidden": "true" };
  const cells = [create("td", {}, percent(confidence)), create("td", {}, svg("svg", box, [bar]))];
  return create("tr", {}, create("th", { scope: "row" }, digit), cells);
}

function termsOf(answer, rule) {
  const { model, at, label, name } = answer;
  const terms = {
    [t("Model")]: model,
    [t("Date")]: new Date(at).toLocaleString(undefined, { dateStyle: "long", timeStyle: "medium" }),
    [t("Accepted from")]: `${Math.round(thresholdOf(answer, rule) * 100)}\u00a0%`,
    [t("Right answer")]: label === "none" ? t("no digit") : label,
    [t("File")]: name,
  };
  const given = Object.entries(terms).filter(([, value]) => value);
  return given.flatMap(([term, value]) => [create("dt", {}, term), create("dd", {}, value)]);
}
