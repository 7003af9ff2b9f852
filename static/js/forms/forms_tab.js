// The Forms tab: from a blank form to a template, from filled forms to a checked table. Puts the parts together.

import { Component } from "../component.js";
import { download } from "../download.js";
import { PagesView } from "./pages_view.js";
import { fromBlank, fromExample, fromStored, fromTemplate } from "./sources.js";
import { StorageView } from "./storage_view.js";
import { FormsApi, MemoryStore, ServerStore } from "./stores.js";
import { TemplateView } from "./template_view.js";
import * as texts from "./texts.js";

export class FormsTab extends Component {
  #panel;
  #part = (name) => this.#panel.querySelector(name);
  #api;
  #editor;
  #pages;
  #stored = null; // the view of the server's storage, where that is on
  #picture = null; // of the blank form
  #last = Promise.resolve(); // what is under way
  #usedTemplate = null; // the template that the pages are read by

  // settings: { api, maxBytes, isStored }.
  constructor(panel, client, { api, maxBytes, isStored }) {
    super();
    this.#panel = panel;
    panel.dataset.at = "start";
    this.#api = new FormsApi(client, api);
    this.#editor = new TemplateView(this.#part("#forms-fields"));
    this.#pages = new PagesView(this.#part("[data-step-of=pages]"), maxBytes, (action) => this.#attempt(action));
    this.#pages.fileName = () => this.#fileName;
    if (isStored) this.#stored = new StorageView(panel, this.#api);
  }

  listen(signal) {
    const click = (name, action) => this.#part(name).addEventListener("click", action, { signal });
    click("#forms-steps", ({ target }) => this.#go(target.closest("button")?.dataset.step));
    click("#fields-on", () => this.#go("pages"));
    click("#forms-example", () => this.#attempt(() => this.#openExample()));
    click("#form-save", () => download(`${this.#fileName}.json`, "application/json", JSON.stringify(this.#editor.template, null, 2)));
    this.#stored?.addEventListener("open", ({ detail: form }) => this.#attempt(() => this.#openStored(form)), { signal });
    this.#stored?.addEventListener("removed", () => this.#pages.clear(this.#usedTemplate = null), { signal }); // this form, too, maybe
    this.#pages.addEventListener("checked", () => this.#stored?.refresh(), { signal });
    addEventListener("beforeunload", (event) => this.#pages.unsaved && event.preventDefault(), { signal });
    for (const part of [this.#editor, this.#pages, this.#stored]) part?.enable();
  }

  // Files from a picker, a drop or the clipboard: a template with or without its picture, a blank form, or filled ones.
  take(files) {
    const json = files.find(({ name, type }) => type === "application/json" || name.endsWith(".json"));
    const pictures = files.filter((file) => file !== json);
    if (json) this.#attempt(async () => this.#open(await fromTemplate(json, pictures[0])));
    else if (this.#panel.dataset.at === "start") this.#attempt(() => this.#openBlank(pictures[0]));
    else this.#go("pages", pictures);
  }

  get #fileName() {
    return (this.#editor.template?.name || "form").replace(/[^\p{L}\p{N} _-]/gu, "_");
  }

  // Runs what may fail, one after the other, and says so.
  #attempt(action) {
    const run = async () => {
      this.#say("");
      this.#panel.ariaBusy = true;
      await action().catch((failure) => this.#say(failure.problem ? texts.failureText(failure) : failure.message));
      this.#panel.ariaBusy = false;
    };
    return (this.#last = this.#last.then(run));
  }

  #say(text) {
    const note = this.#part("#forms-note");
    note.hidden = !text;
    note.textContent = text;
  }

  async #openBlank(file) {
    const form = await fromBlank(file, this.#api.propose);
    this.#open(form);
    const found = Object.keys(form.template.fields).length;
    this.#editor.say(found ? texts.foundMessage(found) : texts.NO_BOXES);
  }

  async #openExample() {
    const form = await fromExample();
    this.#open(form);
    await this.#openPages(form.pages);
  }

  async #openStored(stored) {
    const form = await fromStored(stored);
    const store = new ServerStore(this.#api, stored);
    const records = await store.records();
    if (!this.#mayLose(texts.leaveMessage)) return;
    this.#open(form);
    this.#pages.use(store, records);
    this.#usedTemplate = form.template;
    this.#show("pages");
  }

  #open({ template, picture }) {
    this.#picture = picture;
    this.#editor.open(template, picture.url, picture.size);
    this.#show("fields");
  }

  #go(step, files = []) {
    if (!step || (step !== "start" && !this.#editor.template)) return;
    if (step === "pages") this.#attempt(() => this.#openPages(files));
    else this.#show(step);
  }

  // The pages by the template as it is now: one that has changed is validated first, and all pages are read again.
  async #openPages(files) {
    const { template } = this.#editor;
    if (this.#usedTemplate !== template) {
      if (Object.keys(template.fields).length === 0) throw new Error(texts.NO_FIELDS);
      await this.#api.violations(template, {});
      if (!this.#mayLose(texts.discardMessage)) return;
      const before = this.#pages.files;
      this.#pages.use(this.#stored ? new ServerStore(this.#api, await this.#stored.create(template)) : new MemoryStore(this.#api, template, this.#picture.blob));
      this.#usedTemplate = template;
      this.#pages.add(before);
    }
    this.#pages.add(files);
    this.#show("pages");
  }

  #mayLose(question) {
    const { unsaved } = this.#pages;
    return unsaved === 0 || confirm(question(unsaved));
  }

  #show(step) {
    this.#panel.dataset.at = step;
    for (const section of this.#panel.querySelectorAll("[data-step-of]")) section.hidden = section.dataset.stepOf !== step;
    for (const button of this.#panel.querySelectorAll("[data-step]")) {
      button.ariaCurrent = button.dataset.step === step ? "step" : "false";
      button.ariaDisabled = button.dataset.step !== "start" && !this.#editor.template;
    }
    this.#part(`[data-step-of=${step}] h2`).focus({ preventScroll: true });
    this.#stored?.refresh();
  }
}
