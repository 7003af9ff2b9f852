// Puts the parts together. Each part knows its own elements and nothing of the others.

import { DigitView } from "./prediction_view.js";
import { ApiView } from "./api_view.js";
import { Client } from "./client.js";
import { pointsOf, scaled, PAPER } from "./drawing.js";
import { DrawingStore, isDrawingFile } from "./drawing_store.js";
import { Explainer } from "./explainer.js";
import { History } from "./history.js";
import { HistoryView } from "./history_view.js";
import { LivePrediction } from "./live_prediction.js";
import { PageStorage } from "./storage.js";
import { ModelView } from "./model_view.js";
import { numberTab } from "./number_tab.js";
import { PadToolbar } from "./pad_toolbar.js";
import { listen } from "./component.js";
import { FileInput } from "./file_input.js";
import { TaskSelect } from "./task_select.js";
import { UploadList } from "./upload_list.js";
import { entryOf, HistoryRecorder } from "./history_recorder.js";
import { ReportView } from "./report_view.js";
import { StrokePad } from "./stroke_pad.js";
import { Tabs } from "./tabs.js";
import { ThresholdSlider } from "./threshold_slider.js";
import { isReading } from "./decision.js";
import { NOTHING_DRAWN } from "./messages.js";
import { NUMBER_HEIGHT } from "./svg.js";

// What the others import: named here, too, all modules are fetched at once and none waits for another.
import "./download.js";
import "./drawing_file.js";
import "./export_rows.js";
import "./geometry.js";
import "./model_charts.js";
import "./upload_item.js";
import "./snippets.js";

const element = (id) => document.getElementById(id);
const { predict, read, model, maxBytes, threshold: own, numberThreshold } = document.querySelector("main").dataset;

const client = new Client();
const memory = new PageStorage(() => localStorage);
const history = new History(memory);
const recorder = new HistoryRecorder(history);
const threshold = new ThresholdSlider(element("threshold"), memory, Number(own));
const rule = () => ({
  threshold: threshold.value,
  numberThreshold: threshold.chosen ?? Number(numberThreshold),
});

const tabs = new Tabs(document.querySelector("[role=tablist]"));
const pad = new StrokePad(element("pad"), Number(element("pens").querySelector(":checked").value));
const explainer = new Explainer(element("explain"), pad);
const live = new LivePrediction((strokes, signal) => {
  const include = explainer.isOn ? "normalized_image,saliency" : "normalized_image";
  return client.ask(predict, { strokes: pointsOf(strokes) }, { include }, signal);
});
const view = new DigitView(element("answer"), NOTHING_DRAWN);
const store = new DrawingStore(element("desk"), pad);
const intake = new FileInput(document.querySelectorAll("[type=file]"), element("curtain"));
const kind = new TaskSelect(element("kind"), memory);
const askPicture = (file, signal, isNumber) => {
  const [address, include] = isNumber || kind.value === "numbers" ? [read] : [predict, "normalized_image"];
  return client.ask(address, file, { include }, signal);
};
const pictures = new UploadList(element("panel-pictures"), askPicture, Number(maxBytes));
const historyView = new HistoryView(element("panel-history"), history, rule);
const report = new ReportView(element("report"));
const modelView = new ModelView(element("panel-model"), (signal) => client.load(model, signal));
const askNumber = (strokes, signal) => client.ask(read, { strokes: pointsOf(strokes) }, {}, signal);
const number = numberTab(element("number-desk"), askNumber, threshold, rule);
const papers = { draw: [pad, predict, "digit"], number: [number.pad, read, "text"] };
const apiView = new ApiView(element("panel-api"), papers);
const parts = [threshold, pad, new PadToolbar(pad, element("desk")), explainer, live, store, intake, kind, pictures, historyView];
let shown = null; // the drawing's answer, as a history entry

pad.addEventListener("change", ({ detail: finished }) => live.update(pad.strokes, finished));
element("pens").addEventListener("change", ({ target }) => (pad.penWidth = Number(target.value)));
view.subscribeTo(live, rule);
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
  view.applyPolicy(rule());
  pictures.applyPolicy(rule());
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
kind.addEventListener("change", () => pictures.retryAll());
element("as-number").addEventListener("click", () => {
  number.pad.replace(scaled(pad.strokes, NUMBER_HEIGHT, (PAPER * (1 - NUMBER_HEIGHT)) / 2)); // the link shows the tab
});
store.addEventListener("open", ({ detail: strokes }) => pad.replace(strokes));
historyView.addEventListener("reopen", ({ detail: entry }) => {
  recorder.resume(entry);
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
  if (name !== "history" && history.pendingUndo) history.commit();
  if (name === "api") apiView.show();
  if (name in papers) apiView.choose(name);
});

view.applyPolicy(rule()); // the bars show the threshold from the first
for (const part of [...parts, ...number.parts, report, modelView, tabs]) part.enable();
document.documentElement.dataset.scripted = "whole"; // theme.js waits for it
