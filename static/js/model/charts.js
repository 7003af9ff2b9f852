// The charts of the model's tab, as SVG.

import { decimal } from "../texts.js";
import { figure, svg } from "../svg.js";
import { confusionCells, recallBars, reliabilityPoints } from "./chart_geometry.js";
import { CALIBRATION, CONFUSION, percent, RECALL } from "./texts.js";

const SIDE = 240;
const STEP = SIDE / 10; // a digit's row or column
const LEFT = 30;
const ROOM = 12; // inside the square, for half a dot
const DOT = 4;
const INNER = SIDE - 2 * ROOM;
const BOX = `0 0 ${LEFT + SIDE + 2} ${SIDE + 34}`;
const GROUND = svg("rect", { x: LEFT, width: SIDE, height: SIDE, class: "ground" });

export function confusionChart(confusion) {
  const marks = confusionCells(confusion).filter(({ count }) => count).flatMap(({ x, y, count, fraction, right }) => [
    bar(LEFT + x * STEP + 1, y * STEP + 1, STEP - 2, STEP - 2, right ? "right" : "wrong", right ? 1 : Math.sqrt(fraction)),
    text(LEFT + (x + 0.5) * STEP, (y + 0.64) * STEP, count, "middle", right ? "on" : ""),
  ]);
  const names = confusion.flatMap((_, digit) => [
    text(LEFT + (digit + 0.5) * STEP, SIDE + 14, digit),
    text(LEFT - 8, (digit + 0.64) * STEP, digit, "end"),
  ]);
  return figure("chart", BOX, CONFUSION.chart, [GROUND.cloneNode(), ...marks, ...names, ...axes(CONFUSION)]);
}

export function reliabilityChart(bins) {
  const points = reliabilityPoints(bins, INNER).map(({ x, y, low, high, predictions, accuracy, isAbove }) => svg("g", {}, [
    svg("title", {}, [CALIBRATION.point(predictions, accuracy)]),
    svg("line", { x1: x, x2: x, y1: low, y2: high, class: "interval" }),
    svg("circle", { cx: x, cy: y, r: DOT, class: "right" }),
    isAbove ? text(x - 2 * DOT, y + 4, decimal(predictions), "end") : text(x + 2 * DOT, y + 4, decimal(predictions), "start"),
  ]));
  const marks = [0, 50, 100].flatMap((fraction) => [
    text(LEFT + ROOM + fraction * INNER / 100, SIDE + 14, fraction),
    text(LEFT - 4, SIDE - ROOM - fraction * INNER / 100 + 4, fraction, "end"),
  ]);
  const line = svg("line", { y1: INNER, x2: INNER, class: "guide" });
  const inner = svg("g", { transform: `translate(${LEFT + ROOM} ${ROOM})` }, [line, ...points]);
  return figure("chart", BOX, CALIBRATION.chart, [GROUND.cloneNode(), inner, ...marks, ...axes(CALIBRATION)]);
}

export function recallChart(recall) {
  const { floor, bars } = recallBars(recall);
  const marks = bars.flatMap(({ digit, fraction, length }) => [
    bar(LEFT, digit * STEP + 4, SIDE, STEP - 8, "ground"),
    bar(LEFT, digit * STEP + 4, length * SIDE, STEP - 8, "right"),
    text(LEFT - 8, (digit + 0.64) * STEP, digit, "end"),
    text(LEFT + SIDE + 8, (digit + 0.64) * STEP, percent(fraction, 1), "start"),
  ]);
  const axis = [
    svg("line", { x1: LEFT, x2: LEFT, y2: SIDE + 4, class: "guide" }),
    text(LEFT, SIDE + 16, RECALL.from(floor), "start"),
    text(LEFT + SIDE, SIDE + 16, percent(1, 0), "end"),
  ];
  return figure("chart", `0 0 ${LEFT + SIDE + 60} ${SIDE + 20}`, RECALL.chart, [...marks, ...axis]);
}

function bar(x, y, width, height, name, opacity = 1) {
  return svg("rect", { x, y, width, height, rx: 3, class: name, "fill-opacity": opacity });
}

function text(x, y, words, anchor = "middle", name = "") {
  return svg("text", { x, y, "text-anchor": anchor, class: name }, [String(words)]);
}

function axes({ across, upwards }) {
  const turned = text(10, SIDE / 2, upwards);
  turned.setAttribute("transform", `rotate(-90 10 ${SIDE / 2})`);
  return [text(LEFT + SIDE / 2, SIDE + 30, across), turned];
}
