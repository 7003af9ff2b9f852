// "Write 0 to 9": a round on the sheet. What was on the sheet comes back, with its undo, when the round is over.

import css from "../../css/round.css";
import { Component, listen } from "../component.js";
import { EMPTY } from "../drawing.js";
import { showResults } from "./result_dialog.js";
import { Round, verdictOf } from "./round.js";
import { TaskView } from "./task_view.js";
import * as texts from "./texts.js";

const SETTLE_MS = 600; // another stroke may follow, as the bar of a 5 or a 7
const TICK_MS = 100;

export class RoundView extends Component {
  #desk;
  #sheet;
  #rule;
  #task;
  #round = null;
  #before = null; // the drawing that was on the sheet
  #answer = null; // to what is on the sheet
  #isReading = false;
  #isLeaving = false; // Next was pressed while the drawing was read
  #timer = 0;

  // rule() gives the one that holds.
  constructor(desk, sheet, rule) {
    super();
    this.#desk = desk;
    this.#sheet = sheet;
    this.#rule = rule;
    this.#task = new TaskView(desk);
    const style = new CSSStyleSheet();
    style.replaceSync(css);
    document.adoptedStyleSheets.push(style);
  }

  listen(signal) {
    const { pad, live, store } = this.#sheet;
    listen(pad, { change: (event) => this.#change(event) }, signal);
    listen(live, {
      answer: ({ detail, timeStamp }) => this.#answered(detail, timeStamp),
      slow: () => this.#unanswered(texts.READING),
      failure: ({ detail: failure, timeStamp }) => {
        if (!failure.isTransient) this.#round.resume(timeStamp); // as of a dot: it is the person's turn
        this.#unanswered(texts.failureText(failure));
      },
    }, signal);
    listen(this.#task, { next: () => this.#next(), again: () => this.#begin(), leave: () => this.#leave() }, signal);
    listen(store, { open: ({ detail: strokes }) => {
      this.#leave();
      pad.replace(strokes);
    } }, signal);
    listen(window, { hashchange: () => this.#leave(), keydown: (event) => this.#press(event) }, signal);
    const tick = setInterval(() => this.#task.showTime(this.#round.elapsedMs(performance.now())), TICK_MS);
    signal.addEventListener("abort", () => {
      clearInterval(tick);
      clearTimeout(this.#timer);
    });
    this.#task.enable();
  }

  start() {
    if (this.#before) return;
    this.#before = this.#sheet.exchange(EMPTY);
    this.enable();
    this.#begin();
  }

  #begin() {
    this.#sheet.asked = "";
    this.#round = new Round();
    this.#ask();
    this.#task.focus();
  }

  #ask(before) {
    this.#sheet.exchange(EMPTY);
    this.#sheet.asked = String(this.#round.asked);
    this.#task.ask(this.#round.asked, before);
  }

  // The ink that was there comes back; what was written of the round is in the history.
  #leave() {
    this.disable();
    this.#task.disable();
    this.#sheet.asked = "";
    this.#sheet.exchange(this.#before);
    this.#before = null;
    [...this.#desk.querySelectorAll(".round-start, .more")].find((button) => button.checkVisibility())?.focus();
  }

  #change({ detail: finished, timeStamp }) {
    const isBlank = this.#sheet.pad.strokes.length === 0;
    clearTimeout(this.#timer);
    this.#answer = null;
    this.#isLeaving = false;
    this.#isReading = finished && !isBlank;
    this.#task.say("", "");
    if (!finished) this.#round.write(timeStamp);
    else if (isBlank) this.#round.resume(timeStamp);
    else this.#round.wait(timeStamp);
  }

  #answered({ answer, strokes, finished }, at) {
    if (!finished || strokes !== this.#sheet.pad.strokes) return; // it goes on meanwhile
    const verdict = verdictOf(strokes, answer, this.#round.asked, this.#rule());
    this.#answer = answer;
    this.#isReading = false;
    if (this.#isLeaving) return this.#settle();
    if (verdict === "right") this.#timer = setTimeout(() => this.#settle(), SETTLE_MS);
    else this.#round.resume(at);
    this.#task.say(verdict, verdict === "right" ? texts.RIGHT : texts.wrongText({ answer, verdict }));
  }

  // Of a drawing under way nothing is said.
  #unanswered(text) {
    if (!this.#isReading) return;
    this.#isReading = false;
    if (this.#isLeaving) this.#settle();
    else this.#task.say("unread", text);
  }

  // What is still being read is waited for, until Next is pressed again.
  #next() {
    if (!this.#isReading || this.#isLeaving) return this.#settle();
    this.#isLeaving = true;
    this.#task.say("", texts.READING);
  }

  #settle() {
    clearTimeout(this.#timer);
    const round = this.#round;
    if (this.#answer) this.#sheet.label(String(round.asked));
    round.settle(this.#sheet.pad.strokes, this.#answer, this.#rule(), performance.now());
    const result = round.results.at(-1);
    if (!round.isOver) return this.#ask(result.verdict === "right" ? texts.RIGHT : texts.missSentence(result));
    this.#leave();
    showResults(round.results, texts.scoreText(round.score, round.elapsedMs(performance.now())), () => this.start());
  }

  #press(event) {
    if (event.key === "Escape") this.#leave();
    else if (event.key === "Enter" && !event.repeat && !event.target.closest("button, a")) this.#next();
  }
}
