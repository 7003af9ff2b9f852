// What the Model tab says. Texts that come with the card and the data are translated where a translation is known.

import { decimal, t } from "../texts.js";

export const percent = (fraction, places = 2) => `${decimal(fraction * 100, places)}\u00a0%`;
export const interval = ([low, high], places = 2) =>
  t("{low} to {high}", { low: decimal(low * 100, places), high: percent(high, places) });

const size = (count) => `n\u00a0=\u00a0${decimal(count)}`;

export const nameOf = ({ name, version }) => `${name} ${version}`;
export const cardMessage = ({ name, version, created }) => t("{name} {version}, created on {date}.", { name, version, date: created });

export const HERO = {
  title: (count) => t("of {count} test images are read right", { count: decimal(count) }),
  note: (low, high) =>
    t("95 % interval {low} to {high}. The digit network alone, on MNIST’s test set, which it never saw in training.", { low: percent(low), high: percent(high) }),
};

export const RECALL = {
  title: t("Recall of each digit"),
  chart: t("Recall: the fraction of each digit’s images that is read right"),
  from: (floor) => t("from {percent}", { percent: percent(floor, 0) }),
};
export const CONFUSION = {
  title: t("Confusion matrix"),
  chart: t("Confusion matrix: rows are the digits written, columns the digits read"),
  across: t("read as"),
  upwards: t("written"),
};
export const CALIBRATION = {
  title: t("Calibration"),
  chart: t("Calibration: confidence across, fraction of right answers upwards"),
  across: t("confidence, %"),
  upwards: t("right, %"),
  point: (predictions, fraction) => t("{count} answers, {percent} right", { count: decimal(predictions), percent: percent(fraction, 1) }),
  note: t("On the dashed line, answers of 90 % confidence are right nine times in ten. Each dot has its number of answers, and a line for the 95 % interval."),
};

export const MISTAKES = {
  title: (count) => t("All {count} mistakes on MNIST’s test set", { count }),
  words: (label, predicted) => t("{label}, read as {predicted}", { label, predicted }),
  note: t("What was written → what the digit network alone read. Images: MNIST by LeCun, Cortes and Burges, CC BY-SA 3.0."),
};

export const PEERS = {
  digits: t("Single digits, compared with other networks"),
  digitsHeader: (mnist, external) => [
    t("Network"), t("Parameters"), `${t("MNIST test")}, ${size(mnist)}`, `${t("External sets")}, ${size(external)}`,
  ],
  digitsNote: t("The others are widely used in tutorials and were trained by their own recipes, the mean of three seeds. External: the mean of nine sets of other handwriting, all read with the same preprocessing."),
  numbers: t("Numbers, compared with another reader"),
  numbersHeader: (reader) => [t("Numbers, all digits right"), "n", "digitrec", reader],
  right: (fraction, bounds) => `${percent(fraction, 1)} (${interval(bounds, 1)})`,
  numbersNote: (version) => t("With 95 % intervals. PP-OCR by {version}, restricted to digits and separators.", { version }),
  measured: (model, date) => t("{model}, {date}.", { model, date }),
};

export const SETS = {
  title: t("External test sets"),
  header: [t("Handwriting"), "n", t("Right"), t("95 % interval")],
};
export const TRAINING = {
  title: t("Training data"),
  header: [t("Source"), t("Images")],
  time: (seconds) => t("{count} minutes of training.", { count: decimal(seconds / 60) }),
};
export const ARCHITECTURE = {
  title: t("Architecture"),
  header: [t("Layer"), t("Output"), t("Parameters"), t("Kind of layer")],
  summary: (layers, parameters) => t("{layers} layers, {parameters} parameters", { layers: decimal(layers), parameters: decimal(parameters) }),
};

export const LIMITS = {
  title: t("Limitations"),
  fixed: [t("Numerals other than 0 to 9 in European form."), t("O and 0, l and 1, S and 5, Z and 2 are the same to it.")],
  set: ({ title, accuracy, count }) =>
    t("Weak: {title}, {percent} of {count} right.", { title: t(title), percent: percent(accuracy), count: decimal(count) }),
  style: (name, accuracy) => t("Weak style: {name}, {percent} read.", { name: t(name), percent: percent(accuracy) }),
  others: ({ title, coverage, count }) =>
    t("Of {count} {title}, it takes {percent} for digits.", { count: decimal(count), title: t(title), percent: percent(coverage) }),
  rule: (rule) => t("A prediction is {rule}.", { rule: t(rule) }),
};
