// The sheets of the Model tab, made of what the card holds; a card may lack any of it.

import { create } from "../component.js";
import { figure, svg } from "../svg.js";
import { decimal, t } from "../texts.js";
import { wilsonInterval } from "./chart_geometry.js";
import { confusionChart, recallChart, reliabilityChart } from "./charts.js";
import { ARCHITECTURE, CALIBRATION, CONFUSION, HERO, interval, LIMITS, MISTAKES, PEERS, percent, RECALL, SETS, TRAINING } from "./texts.js";

const WEAKEST = 3;
const TILE_PX = 28; // an image in the picture of the mistakes

// peers and mistakes, or null; picture: the address of the picture of the mistakes.
export function sheetsOf(card, peers, mistakes, picture) {
  const { mnist_test: test, external_sets: external, accuracy_by_style: styles } = card.results ?? {};
  return [
    test && hero(test),
    peers && digitPeers(peers),
    peers && numberPeers(peers),
    ...(test ? testSheets(test) : []),
    mistakes && broad(MISTAKES.title(mistakes.digits.length), mistakesGrid(mistakes.digits, picture)),
    external?.digit_sets && broad(SETS.title, setsTable(external.digit_sets)),
    broad(LIMITS.title, create("ul", { className: "points" }, limits(card, external, styles))),
    sheet(TRAINING.title, trainingData(card.training ?? {})),
    sheet(ARCHITECTURE.title, architecture(card)),
  ].filter(Boolean);
}

function hero({ accuracy, count, accuracy_ci95: [low, high] }) {
  return create("section", { className: "hero" },
    create("p", { className: "hero-figure" }, percent(accuracy)),
    create("h2", {}, HERO.title(count)),
    create("p", { className: "quiet" }, HERO.note(low, high)));
}

function testSheets({ recall, confusion, reliability }) {
  return [
    recall && sheet(RECALL.title, recallChart(recall)),
    confusion && sheet(CONFUSION.title, confusionChart(confusion)),
    reliability && sheet(CALIBRATION.title, [reliabilityChart(reliability), note(CALIBRATION.note)]),
  ];
}

function digitPeers({ model, date, digits, mnist_count: mnist, external_count: external }) {
  const rows = digits.map((network) =>
    [t(network.name), decimal(network.parameters), percent(network.mnist), percent(network.external)]);
  return sheet(PEERS.digits, [table(PEERS.digitsHeader(mnist, external), rows), note(PEERS.digitsNote, PEERS.measured(model, date))]);
}

function numberPeers({ model, date, numbers, reader, reader_version: version }) {
  const right = (correct, count) => PEERS.right(correct / count, wilsonInterval(correct / count, count));
  const rows = numbers.map((set) =>
    [t(set.title), decimal(set.count), right(set.digitrec, set.count), right(set.reader, set.count)]);
  return sheet(PEERS.numbers, [table(PEERS.numbersHeader(reader), rows), note(PEERS.numbersNote(version), PEERS.measured(model, date))]);
}

function mistakesGrid(digits, picture) {
  const size = { width: digits.length * TILE_PX, height: TILE_PX };
  const tiles = digits.map(({ label, predicted }, index) => {
    const image = svg("image", { href: picture, ...size });
    const words = MISTAKES.words(label, predicted);
    return create("li", {}, figure("ink", `${index * TILE_PX} 0 ${TILE_PX} ${TILE_PX}`, words, [image]),
      create("span", { ariaHidden: "true" }, `${label} → ${predicted}`));
  });
  return [create("ul", { className: "mistakes" }, tiles), note(MISTAKES.note)];
}

function setsTable(sets) {
  const rows = sets.map((set) => [t(set.title), decimal(set.count), percent(set.accuracy), interval(set.accuracy_ci95)]);
  return table(SETS.header, rows);
}

function limits({ rejection }, external = {}, styles = {}) {
  const sets = [...(external.digit_sets ?? [])].sort((a, b) => a.accuracy - b.accuracy);
  const weakStyles = Object.entries(styles.accuracy ?? {}).filter(([, accuracy]) => accuracy < 1).sort(([, a], [, b]) => a - b);
  const words = [
    ...LIMITS.fixed,
    ...sets.slice(0, WEAKEST).map(LIMITS.set),
    ...weakStyles.slice(0, WEAKEST).map(([name, accuracy]) => LIMITS.style(name, accuracy)),
    ...(external.non_digit_sets ?? []).map(LIMITS.others),
    rejection && LIMITS.rule(rejection.rule),
  ];
  return words.filter(Boolean).map((item) => create("li", {}, item));
}

function trainingData({ sources = {}, seconds }) {
  const rows = Object.entries(sources).map(([name, images]) => [t(name), decimal(images)]);
  return [table(TRAINING.header, rows), seconds && note(TRAINING.time(seconds))];
}

function architecture({ architecture: name, parameters = 0, layers = [] }) {
  const rows = layers.map((layer) => [layer.name, layer.output_shape.join(" × "), decimal(layer.parameters), layer.kind]);
  const summary = create("summary", {}, ARCHITECTURE.summary(layers.length, parameters));
  return [create("p", {}, name), create("details", {}, summary, table(ARCHITECTURE.header, rows))];
}

function sheet(title, content, extra = "") {
  return create("section", { className: `sheet ${extra}` }, create("h2", {}, title), content);
}

function broad(title, content) {
  return sheet(title, content, "broad");
}

function note(...sentences) {
  return create("p", { className: "quiet" }, sentences.join(" "));
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
