// Puts the parts together. Each part knows its own elements and nothing of the others.

import { DigitView } from "./answer_view.js";
import { ApiView } from "./api_view.js";
import { Client } from "./client.js";
import { pointsOf } from "./drawing.js";
import { DrawingStore, isDrawingFile } from "./drawing_store.js";
import { Explainer } from "./explainer.js";
import { History } from "./history.js";
import { HistoryView } from "./history_view.js";
import { LiveAnswer } from "./live_answer.js";
import { Memory } from "./memory.js";
import { ModelView } from "./model_view.js";
import { numberMode } from "./number_mode.js";
import { PadTools } from "./pad_tools.js";
import { listen } from "./part.js";
import { PictureIntake } from "./picture_intake.js";
import { PictureKind } from "./picture_kind.js";
import { PictureList } from "./picture_list.js";
import { entryOf, Recorder } from "./recorder.js";
import { ReportView } from "./report_view.js";
import { StrokePad } from "./stroke_pad.js";
import { Tabs } from "./tabs.js";
import { ThresholdControl } from "./threshold_control.js";
import { isReading } from "./verdict.js";
import { NOTHING_DRAWN } from "./words.js";

// What the others import: named here, too, all modules are fetched at once and none waits for another.
import "./download.js";
import "./drawing_file.js";
import "./export_rows.js";
import "./geometry.js";
import "./model_charts.js";
import "./picture_item.js";
import "./snippets.js";
import "./svg.js";

const element = (id) => document.getElementById(id);
const { predict, read, model, maxBytes, threshold: own, numberThreshold, noDigitFrom } = document.querySelector("main").dataset;

const client = new Client();
const memory = new Memory(() => localStorage);
const history = new History(memory);
const recorder = new Recorder(history);
const threshold = new ThresholdControl(element("threshold"), memory, Number(own));
const rule = () => ({
  threshold: threshold.value,
  numberThreshold: threshold.chosen ?? Number(numberThreshold),
  noDigitFrom: Number(noDigitFrom),
});

const tabs = new Tabs(document.querySelector("[role=tablist]"));
const pad = new StrokePad(element("pad"), Number(element("pens").querySelector(":checked").value));
const explainer = new Explainer(element("explain"), pad);
const live = new LiveAnswer((strokes, signal) => {
  const options = { threshold: threshold.chosen, explain: explainer.isOn ? 1 : undefined };
  return client.ask(predict, { strokes: pointsOf(strokes) }, options, signal);
});
const view = new DigitView(element("answer"), NOTHING_DRAWN);
const store = new DrawingStore(element("desk"), pad);
const intake = new PictureIntake(document.querySelectorAll("[type=file]"), element("curtain"));
const kind = new PictureKind(element("kind"), memory);
const askPicture = (file, signal) =>
  client.ask(kind.value === "numbers" ? read : predict, file, { threshold: threshold.chosen }, signal);
const pictures = new PictureList(element("panel-pictures"), askPicture, Number(maxBytes));
const historyView = new HistoryView(element("panel-history"), history, rule);
const report = new ReportView(element("report"));
const modelView = new ModelView(element("panel-model"), (signal) => client.load(model, signal));
const askNumber = (strokes, signal) =>
  client.ask(read, { strokes: pointsOf(strokes) }, { threshold: threshold.chosen }, signal);
const number = numberMode(element("number-desk"), askNumber, threshold, rule);
const papers = { draw: [pad, predict, "digit"], number: [number.pad, read, "text"] };
const apiView = new ApiView(element("panel-api"), papers);
const parts = [threshold, pad, new PadTools(pad, element("desk")), explainer, live, store, intake, kind, pictures, historyView];
let shown = null; // the drawing's answer, as a history entry

pad.addEventListener("change", ({ detail: finished }) => live.update(pad.strokes, finished));
element("pens").addEventListener("change", ({ target }) => (pad.penWidth = Number(target.value)));
view.follow(live, rule);
listen(live, {
  answer({ detail: { answer, strokes, finished } }) {
    shown = { ...entryOf(answer), strokes };
    explainer.show(answer, strokes);
    if (finished) recorder.drawing(strokes, answer);
  },
  failure() {
    shown = null;
    explainer.clear();
  },
  idle: () => (shown = null),
});
explainer.addEventListener("ask", () => live.refresh());
threshold.addEventListener("change", () => {
  view.judge(rule());
  pictures.judge(rule());
  historyView.draw();
});

// Whatever waits for the server asks again at the same moment, as when the browser finds its network again.
client.addEventListener("back", () => dispatchEvent(new Event("online")));
intake.addEventListener("files", ({ detail: files }) => {
  const chosen = files.filter((file) => !isDrawingFile(file));
  const drawings = files.filter(isDrawingFile);
  if (drawings.length) store.open(drawings);
  if (chosen.length) pictures.add(chosen, rule());
  tabs.go(chosen.length ? "pictures" : "draw");
});
pictures.addEventListener("answer", ({ detail: { file, answer } }) => recorder.picture(file, answer));
number.live.addEventListener("answer", ({ detail: { answer, strokes, finished } }) => {
  if (finished) recorder.drawing(strokes, answer);
});
kind.addEventListener("change", () => pictures.askAnew());
store.addEventListener("open", ({ detail: strokes }) => pad.replace(strokes));
historyView.addEventListener("reopen", ({ detail: entry }) => {
  recorder.goOn(entry);
  const tab = isReading(entry) ? "number" : "draw";
  papers[tab][0].replace(entry.strokes);
  tabs.go(tab);
});
historyView.addEventListener("report", ({ detail: entry }) => report.show(entry, rule()));
element("report-open").addEventListener("click", () => {
  if (shown) report.show(shown, rule());
  else store.say("There is no answer to report yet.");
});
tabs.addEventListener("show", ({ detail: name }) => {
  if (name === "model") modelView.show();
  else modelView.leave();
  if (name !== "history" && history.taken) history.settle();
  if (name === "api") apiView.show();
  if (name in papers) apiView.choose(name);
});

view.judge(rule()); // the bars show the threshold from the first
for (const part of [...parts, ...number.parts, report, modelView, tabs]) part.enable();
document.documentElement.dataset.scripted = "whole"; // theme.js waits for it
