// Puts the parts together. Each part knows its own elements and nothing of the others.

import { ApiView } from "./api_view.js";
import { Client } from "./client.js";
import { listen } from "./component.js";
import { ruleOf } from "./decision.js";
import { pointsOf } from "./drawing.js";
import { isDrawingFile } from "./drawing_store.js";
import { FileInput } from "./file_input.js";
import { History } from "./history.js";
import { HistoryRecorder } from "./history_recorder.js";
import { HistoryStore } from "./history_store.js";
import { HistoryView } from "./history_view.js";
import { lazyTab } from "./lazy_tab.js";
import { NOT_LOADED, outboxMessage } from "./messages.js";
import { keepPage } from "./offline.js";
import { Outbox } from "./outbox.js";
import { PictureDialog } from "./picture_dialog.js";
import { Recognition } from "./recognition.js";
import { ReportView } from "./report_view.js";
import { Sheet } from "./sheet.js";
import { PageStorage } from "./storage.js";
import { Tabs } from "./tabs.js";
import { ThresholdSlider } from "./threshold_slider.js";
import { Thresholds } from "./thresholds.js";
import { UploadList } from "./upload_list.js";

const element = (id) => document.getElementById(id);
const { predict, read, forms, model, round: roundModule, serviceWorker, maxBytes, storage, threshold, numberThreshold } =
  document.querySelector("main").dataset;

const client = new Client();
const memory = new PageStorage(() => localStorage);
const thresholds = new Thresholds(memory, { digit: Number(threshold), number: Number(numberThreshold) });
const history = new History(new HistoryStore());
const recorder = new HistoryRecorder(history, () => thresholds.rule);
const ruleOfEntry = (entry) => ruleOf(entry, thresholds.rule);
const addresses = { predict, read };
const ask = (kind, body, options, signal) => client.ask(addresses[kind], body, options, signal);

const tabs = new Tabs(document.querySelector("[role=tablist]"));
const sheet = new Sheet(element("desk"), ask, thresholds);
const outbox = new Outbox(memory, (strokes, signal) =>
  new Recognition(ask).recognize({ strokes: pointsOf(strokes) }, null, signal));
const intake = new FileInput(document.querySelectorAll("[type=file]"), element("curtain"));
const ofPictures = new Recognition(ask);
const askPicture = (file, signal) => ofPictures.recognize(file, null, signal);
const pictures = new UploadList(element("panel-pictures"), askPicture, Number(maxBytes));
const picture = new PictureDialog(element("picture"), () => thresholds.rule, ask);
const sliders = ["digit", "number"].map((kind) => new ThresholdSlider(element(`picture-threshold-${kind}`), thresholds, kind));
const historyView = new HistoryView(element("panel-history"), history, ruleOfEntry);
const report = new ReportView(element("report"));
const apiView = new ApiView(element("panel-api"), sheet.pad, { digit: [predict, "digit"], number: [read, "text"] });

sheet.addEventListener("answer", ({ detail: { answer, strokes, finished } }) => {
  if (finished) recorder.drawing(strokes, answer);
});
sheet.addEventListener("label", ({ detail: { strokes, answer, label } }) => recorder.labelDrawing(strokes, answer, label));
sheet.addEventListener("unanswered", ({ detail: drawing }) => outbox.add(drawing));
outbox.addEventListener("answer", ({ detail: { strokes, label, answer } }) =>
  label ? recorder.labelDrawing(strokes, answer, label) : recorder.drawing(strokes, answer));
outbox.addEventListener("change", () => sheet.store.say(outbox.drawings.length ? outboxMessage(outbox.drawings.length) : ""));
thresholds.addEventListener("change", () => pictures.applyPolicy(thresholds.rule));

const openForms = lazyTab("forms", forms, ({ FormsTab }, panel) =>
  new FormsTab(panel, client, { api: read.replace(/\/read$/, ""), maxBytes: Number(maxBytes), isStored: storage === "on" }));
const openModel = lazyTab("model", model, ({ ModelTab }, panel) => new ModelTab(panel, (address, signal) => client.load(address, signal)));

// The modules of a round come with its first use, too.
let round = null;
element("desk").addEventListener("click", async ({ target }) => {
  if (!target.closest(".round-start")) return;
  round ??= import(roundModule).then(({ RoundView }) => new RoundView(element("desk"), sheet, () => thresholds.rule));
  const view = await round.catch(() => (round = null));
  if (view) view.start();
  else alert(NOT_LOADED);
});

// Whatever waits for the server asks again at the same moment, as when the browser finds its network again.
client.addEventListener("back", () => dispatchEvent(new Event("online")));
intake.addEventListener("files", ({ detail: files }) => {
  if (location.hash === "#forms") return openForms((tab) => tab.take(files));
  const chosen = files.filter((file) => !isDrawingFile(file));
  const drawings = files.filter(isDrawingFile);
  if (drawings.length) sheet.store.open(drawings);
  if (chosen.length) pictures.add(chosen, thresholds.rule);
  tabs.go(chosen.length ? "pictures" : "write");
});
element("examples").addEventListener("click", async ({ target }) => {
  const { src } = target.closest("button")?.querySelector("img") ?? {};
  if (!src) return;
  const { pathname } = new URL(src);
  const file = await (await fetch(src)).blob();
  pictures.add([new File([file], pathname.split("/").at(-1), { type: file.type, lastModified: 0 })], thresholds.rule);
});
listen(pictures, {
  answer: ({ detail: { file, answer } }) => recorder.picture(file, answer),
  settled: ({ detail: item }) => picture.update(item),
  open: ({ detail: item }) => picture.show(item),
});
listen(picture, {
  edit({ detail: { item, file } }) {
    item.file = file;
    pictures.read(item);
    picture.update(item);
  },
  label: ({ detail: { item: { file, answer }, label } }) => recorder.labelPicture(file, answer, label),
  remove: ({ detail: item }) => pictures.act("remove", item),
  report: async ({ detail: { file, answer } }) => answer && report.show(await recorder.entryOfPicture(file, answer), thresholds.rule),
});
historyView.addEventListener("reopen", ({ detail: entry }) => {
  recorder.resume(entry);
  sheet.pad.replace(entry.strokes);
  tabs.go("write");
});
for (const part of [historyView, sheet]) {
  part.addEventListener("report", ({ detail: entry }) => report.show(entry, ruleOfEntry(entry)));
}
tabs.addEventListener("show", ({ detail: name }) => {
  if (name === "model") openModel((tab) => tab.show());
  if (name === "forms") openForms();
  if (name === "history") historyView.show();
  else historyView.leave();
  if (name !== "api") return;
  apiView.choose(sheet.kind);
  apiView.show();
});

for (const part of [sheet, outbox, intake, pictures, picture, ...sliders, history, historyView, report, tabs]) part.enable();
history.open(memory);
addEventListener("load", () => keepPage(serviceWorker).catch(() => {})); // without it the page needs the network, no more
document.documentElement.toggleAttribute("data-first-visit", memory.get("visited") === null);
memory.set("visited", true);
document.documentElement.dataset.scripted = "whole"; // theme.js waits for it
