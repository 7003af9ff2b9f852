// The model's tab, made of what the card holds; a card may lack any of it.

import { confusionChart, recallChart, reliabilityChart } from "./model_charts.js";
import { create, Component, moveFocus } from "./component.js";
import { cardErrorMessage } from "./failure_messages.js";
import { t } from "./texts.js";

const WEAKEST = 3;
const CALIBRATION = "On the line, answers of 90 % confidence are right nine times in ten. A larger dot has more answers.";
const HERO = "95 % interval {low} to {high}. MNIST’s test set, which the network never saw in training.";
const count = (number) => number.toLocaleString(globalThis.document?.documentElement.lang || "en");
const fraction = (value) => `${(value * 100).toFixed(2)}\u00a0%`;
const interval = ([low, high]) => `${(low * 100).toFixed(2)} to ${fraction(high)}`;

export class ModelView extends Component {
  #panel;
  #sheets;
  #note;
  #again;
  #waiting; // the words until the card is there
  #fetchCard;
  #request = null;

  // fetchCard(signal) gives a promise of the card.
  constructor(panel, fetchCard) {
    super();
    this.#panel = panel;
    this.#sheets = panel.querySelector("#model-sheets");
    this.#note = panel.querySelector("#model-note");
    this.#again = panel.querySelector("#model-again");
    this.#waiting = this.#note.textContent;
    this.#fetchCard = fetchCard;
  }

  listen(signal) {
    this.#again.addEventListener("click", () => this.show(), { signal });
    addEventListener("online", () => this.#again.hidden || this.show(), { signal });
    signal.addEventListener("abort", () => this.leave());
  }

  // The card is asked for when the tab is first looked at, and again only after a failure.
  async show() {
    if (this.#request) return;
    const { signal } = (this.#request = new AbortController());
    this.#note.textContent = this.#waiting;
    moveFocus(this.#again, this.#panel);
    this.#again.hidden = true;
    try {
      const card = await this.#fetchCard(signal);
      this.#note.textContent = t("{name} {version}, created on {date}.", { name: card.name, version: card.version, date: card.created });
      this.#sheets.replaceChildren(...sheetsOf(card).filter(Boolean));
    } catch (failure) {
      if (signal.aborted) return;
      this.#request = null;
      this.#again.hidden = false;
      this.#note.textContent = Object.values(cardErrorMessage(failure)).join(". ");
    }
  }

  leave() {
    if (this.#sheets.childElementCount > 0) return;
    this.#request?.abort();
    this.#request = null;
  }
}

function sheetsOf(card) {
  const { mnist_test: test, external_sets: external, accuracy_by_style: styles } = card.results ?? {};
  return [
    ...(test ? testSheets(test) : []),
    external?.digit_sets && broad("External test sets", setsTable(external.digit_sets)),
    broad("Limitations", create("ul", { className: "points" }, limits(card, external, styles))),
    sheet("Training data", trainingData(card.training ?? {})),
    sheet("Architecture", architecture(card)),
  ];
}

function trainingData({ sources = {}, seconds }) {
  const rows = Object.entries(sources).map(([name, images]) => [name, count(images)]);
  return [table(["Source", "Images"], rows), seconds && create("p", {}, `${Math.round(seconds / 60)} minutes of training.`)];
}

function architecture({ architecture: name, parameters = 0, layers = [] }) {
  const rows = layers.map((layer) => [layer.name, layer.output_shape.join(" × "), count(layer.parameters), layer.kind]);
  const header = ["Layer", "Output", "Parameters", "Kind"];
  const summary = create("summary", {}, `${count(layers.length)} layers, ${count(parameters)} parameters`);
  return [create("p", {}, name), create("details", {}, summary, table(header, rows))];
}

function testSheets({ accuracy, count: images, accuracy_ci95: [low, high], recall, confusion, reliability }) {
  return [
    create("section", { className: "hero" },
      create("p", { className: "hero-figure" }, fraction(accuracy)),
      create("h2", {}, t("of {count} test images are read right", { count: count(images) })),
      create("p", { className: "quiet" }, t(HERO, { low: fraction(low), high: fraction(high) }))),
    recall && sheet("Recall of each digit", recallChart(recall)),
    confusion && sheet("Confusion matrix", confusionChart(confusion)),
    reliability && sheet("Calibration", [reliabilityChart(reliability), create("p", {}, CALIBRATION)]),
  ];
}

function setsTable(sets) {
  const rows = sets.map((set) => [set.title, count(set.count), fraction(set.accuracy), interval(set.accuracy_ci95)]);
  return table(["Handwriting", "n", "Right", "95 % interval"], rows);
}

function limits({ rejection }, external = {}, styles = {}) {
  const sets = [...(external.digit_sets ?? [])].sort((a, b) => a.accuracy - b.accuracy);
  const weakStyles = Object.entries(styles.accuracy ?? {}).filter(([, accuracy]) => accuracy < 1).sort(([, a], [, b]) => a - b);
  const words = [
    "Numerals other than 0 to 9 in European form.",
    "O and 0, l and 1, S and 5, Z and 2 are the same to it.",
    ...sets.slice(0, WEAKEST).map((set) => `Weak: ${set.title}, ${fraction(set.accuracy)} of ${count(set.count)} right.`),
    ...weakStyles.slice(0, WEAKEST).map(([name, read]) => `Weak style: ${name}, ${fraction(read)} read.`),
    ...(external.non_digit_sets ?? []).map((set) =>
      `Of ${count(set.count)} ${set.title}, it takes ${fraction(set.coverage)} for digits.`),
    rejection && `A prediction is ${rejection.rule}.`,
  ];
  return words.filter(Boolean).map((item) => create("li", {}, item));
}

function sheet(title, content, extra = "") {
  return create("section", { className: `sheet ${extra}` }, create("h2", {}, title), content);
}

function broad(title, content) {
  return sheet(title, content, "broad");
}

// On a narrow screen a table scrolls inside its own box, which the keyboard must reach.
function table(header, rows) {
  if (rows.length === 0) return null;
  const head = create("tr", {}, header.map((name) => create("th", { scope: "col" }, name)));
  const body = rows.map(([name, ...cells]) =>
    create("tr", {}, create("th", { scope: "row" }, name), cells.map((cell) => create("td", {}, cell))));
  const made = create("table", {}, create("thead", {}, head), create("tbody", {}, body));
  return create("div", { className: "scrolled", tabIndex: 0, role: "group", ariaLabel: header.join(", ") }, made);
}
