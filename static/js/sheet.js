// The Write tab: a sheet that takes anything, its answer, and what may be said about both. Fires "answer" with
// { answer, strokes, finished }, "report" with a history entry, "label" with { strokes, answer, label }, and "unanswered"
// with { strokes, label } that the server could not be asked about.

import { AnswerView } from "./answer_view.js";
import { Component } from "./component.js";
import { ConstraintFields } from "./constraint_fields.js";
import { isReading, kindOf } from "./decision.js";
import { drawBoxes } from "./digit_boxes.js";
import { EMPTY, pointsOf, strokesIn } from "./drawing.js";
import { DrawingStore } from "./drawing_store.js";
import { Explainer } from "./explainer.js";
import { Feedback, speak } from "./feedback.js";
import { entryOf } from "./history_recorder.js";
import { LivePrediction } from "./live_prediction.js";
import { NOTHING_TO_REPORT, textOf } from "./messages.js";
import { PadToolbar } from "./pad_toolbar.js";
import { Recognition } from "./recognition.js";
import { StrokePad } from "./stroke_pad.js";
import { ThresholdSlider } from "./threshold_slider.js";

const VIBRATION_MS = 15;
const MARGIN = 24; // of a box around its digit, half a pen and a little more

export class Sheet extends Component {
  #part = (name) => this.root.querySelector(name);
  #thresholds;
  #view;
  #explainer;
  #constraint;
  #slider;
  #feedback;
  #isUnanswered = false; // as the server is away, or as a round did not wait
  #last = []; // strokes that were on the sheet
  #shown = null; // the drawing's answer and its strokes
  asked = ""; // the digit that a round asks for

  // ask(kind, body, options, signal) gives a promise of an answer.
  constructor(root, ask, thresholds) {
    super();
    this.root = root;
    this.#thresholds = thresholds;
    this.pad = new StrokePad(this.#part("#pad"), Number(this.#part("#pens :checked").value));
    this.store = new DrawingStore(root, this.pad);
    this.#view = new AnswerView(this.#part("#answer"));
    this.#constraint = new ConstraintFields(this.#part("#constraint"));
    this.#slider = new ThresholdSlider(this.#part("#threshold"), thresholds, "digit");
    this.#feedback = new Feedback(this.#part(".feedback"));
    this.#explainer = new Explainer(this.#part("#explain"), this.pad, ask);
    const recognition = new Recognition(ask);
    this.live = new LivePrediction((strokes, signal) =>
      recognition.recognize({ strokes: pointsOf(strokes) }, this.asked ? null : this.#constraint.value, signal));
    const toolbar = new PadToolbar(this.pad, root);
    this.parts = [this.#slider, this.pad, toolbar, this.#explainer, this.live, this.store, this.#constraint, this.#feedback];
  }

  get kind() {
    return this.#shown ? kindOf(this.#shown.answer) : "digit";
  }

  // Puts another drawing on the sheet, and returns the one that was there. Between them the sheet is empty, as after Clear.
  exchange(drawing) {
    const former = this.pad.drawing;
    this.pad.drawing = EMPTY;
    this.pad.drawing = drawing;
    return former;
  }

  // What the drawing was that has an answer.
  label(label) {
    this.emit("label", { ...this.#shown, label });
  }

  listen(signal) {
    const rule = () => this.#thresholds.rule;
    this.pad.addEventListener("change", ({ detail: finished }) => {
      this.live.update(this.pad.strokes, finished);
      this.#last = this.pad.strokes;
      this.#isUnanswered ||= this.asked !== "" && finished && this.#last.length > 0;
    }, { signal });
    this.pad.addEventListener("view", () => this.#part("#boxes").setAttribute("viewBox", this.pad.viewBox), { signal });
    this.#part("#pens").addEventListener("change", ({ target }) => (this.pad.penWidth = Number(target.value)), { signal });
    this.#view.subscribeTo(this.live, rule);
    this.#view.addEventListener("choose", () => this.#mark(), { signal });
    this.live.addEventListener("answer", ({ detail }) => this.#show(detail), { signal });
    this.live.addEventListener("failure", ({ detail: { isTransient } }) => {
      this.#isUnanswered = isTransient;
      this.#show(null);
    }, { signal });
    this.live.addEventListener("idle", () => {
      if (this.#isUnanswered) this.emit("unanswered", { strokes: this.#last, label: this.asked });
      this.#isUnanswered = false;
      this.#show(null);
    }, { signal });
    this.#feedback.addEventListener("label", ({ detail: label }) => this.label(label), { signal });
    this.#feedback.addEventListener("speak", () => speak(this.#view.words), { signal });
    this.#explainer.addEventListener("change", () => this.#mark(), { signal });
    this.#constraint.addEventListener("change", () => this.live.refresh(), { signal });
    this.store.addEventListener("open", ({ detail: strokes }) => this.pad.replace(strokes), { signal });
    this.#part("#report-open").addEventListener("click", () => this.#report(), { signal });
    this.#thresholds.addEventListener("change", () => {
      this.#view.applyPolicy(rule());
      this.#mark();
    }, { signal });
    for (const part of this.parts) part.enable();
    this.pad.adopt(...takeEarlyInk());
  }

  #show(detail) {
    this.#shown = detail;
    this.#feedback.show(detail ? textOf(detail.answer) : "");
    if (detail) {
      this.#isUnanswered = false;
      if (detail.finished) navigator.vibrate?.(VIBRATION_MS);
      this.#slider.kind = this.kind;
      this.emit("answer", detail);
    }
    this.#mark();
  }

  // The boxes of a number, and what the answer depends on.
  #mark() {
    const { answer, strokes } = this.#shown ?? {};
    const digits = answer?.digits ?? [];
    const { chosen } = this.#view;
    drawBoxes(this.#part("#boxes"), digits, this.#thresholds.rule, chosen, MARGIN);
    const explained = answer && isReading(answer) ? strokesIn(digits[chosen]?.box ?? [], strokes) : strokes ?? [];
    this.#explainer.explain(explained.length ? { strokes: pointsOf(explained) } : null, explained);
  }

  #report() {
    if (!this.#shown) return this.store.say(NOTHING_TO_REPORT);
    const { answer, strokes } = this.#shown;
    this.emit("report", { ...entryOf(answer, this.#thresholds.rule), strokes });
  }
}
