// What the server keeps: the stored forms, the data of all of them, and the model that learns from what was corrected.
// Fires "open" with a form and its template, and "removed" when forms are deleted.

import { Component, create } from "../component.js";
import * as texts from "./texts.js";

export class StorageView extends Component {
  #panel;
  #part = (name) => this.#panel.querySelector(name);
  #api;

  constructor(panel, api) {
    super();
    this.#panel = panel;
    this.#api = api;
  }

  listen(signal) {
    const click = (name, action) => this.#part(name).addEventListener("click", (event) => this.#try(() => action(event)), { signal });
    click("#stored-forms", ({ target }) => this.#press(target.closest("button")));
    click("#stored-delete", () => this.#remove("/data", texts.removeAllMessage));
    click("#adapt", () => this.#adapt());
    click("#adapt-back", () => this.#back());
    this.refresh();
  }

  // Stores a template, and returns the form.
  create = (template) => this.#api.send("/forms", template);

  refresh() {
    return this.#try(async () => {
      const [{ forms }, learned] = await Promise.all([this.#api.get("/forms"), this.#api.get("/adaptations")]);
      this.#part("#stored-forms").replaceChildren(...forms.map(item));
      this.#part("#stored").hidden = forms.length === 0;
      this.#show(learned);
    });
  }

  async #try(action) {
    try {
      await action();
    } catch (failure) {
      this.#say(failure.kind === "no-improvement" ? texts.noImprovementMessage : texts.failureText(failure));
    }
  }

  #say(text) {
    this.#part("#adapt-note").textContent = text;
  }

  async #press(button) {
    if (!button) return;
    const { value: id, name, dataset } = button;
    if (dataset.do === "open") this.emit("open", await this.#api.get(`/forms/${id}`));
    else await this.#remove(`/forms/${id}`, texts.removeFormMessage(name));
  }

  async #remove(path, question) {
    if (!confirm(question)) return;
    await this.#api.remove(path);
    this.emit("removed");
    await this.refresh();
    this.#part("[data-step-of=start] h2").focus();
  }

  #show({ adaptations, corrected_digits: digits }) {
    const active = adaptations.find((adaptation) => adaptation.active);
    this.#part("#learning").hidden = digits === 0 && !active;
    this.#part("#adapt-back").hidden = !active;
    this.#say(active ? texts.adaptedMessage(active) : texts.correctedMessage(digits));
  }

  async #adapt() {
    this.#say(texts.adaptingMessage);
    this.#part("#adapt").ariaBusy = true;
    const adaptation = await this.#api.send("/adaptations", {}).finally(() => (this.#part("#adapt").ariaBusy = false));
    this.#part("#adapt-back").hidden = false;
    this.#say(texts.adaptedMessage(adaptation));
  }

  async #back() {
    await this.#api.remove("/adaptations/active");
    this.#part("#adapt").focus();
    this.#part("#adapt-back").hidden = true;
    this.#say(texts.SHIPPED);
  }
}

function item({ id, name, ...form }) {
  const button = (action, words) => {
    const made = create("button", { type: "button", value: id, name, textContent: words });
    made.dataset.do = action;
    return made;
  };
  const words = create("p", { className: "quiet", textContent: texts.formMessage(form) });
  return create("li", {}, create("div", {}, create("b", { textContent: name }), words), button("open", texts.OPEN), button("remove", texts.DELETE));
}
