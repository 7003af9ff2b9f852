// The Model tab: the card of the server's model, and what the package has about its own one.

import { Component, moveFocus } from "../component.js";
import { cardErrorMessage } from "../failure_messages.js";
import { sheetsOf } from "./sheets.js";
import { cardMessage, nameOf } from "./texts.js";

export class ModelTab extends Component {
  #panel;
  #sheets;
  #note;
  #again;
  #waiting; // the words until the card is there
  #load;
  #signal;
  #isAsked = false;

  // load(address, signal) gives a promise of what is there.
  constructor(panel, load) {
    super();
    this.#panel = panel;
    this.#sheets = panel.querySelector("#model-sheets");
    this.#note = panel.querySelector("#model-note");
    this.#again = panel.querySelector("#model-again");
    this.#waiting = this.#note.textContent;
    this.#load = load;
  }

  listen(signal) {
    this.#signal = signal;
    this.#again.addEventListener("click", () => this.show(), { signal });
    addEventListener("online", () => this.#again.hidden || this.show(), { signal });
  }

  // The card is asked for when the tab is first looked at, and again only after a failure.
  async show() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#note.textContent = this.#waiting;
    moveFocus(this.#again, this.#panel);
    this.#again.hidden = true;
    try {
      const { card: address, peers, mistakes, picture } = this.#sheets.dataset;
      const card = await this.#load(address, this.#signal); // alone: what comes says that the server is back
      const own = await Promise.all([peers, mistakes].map((each) => this.#load(each, this.#signal)));
      const ofThisModel = own.map((data) => (data.model === nameOf(card) ? data : null));
      this.#note.textContent = cardMessage(card);
      this.#sheets.replaceChildren(...sheetsOf(card, ...ofThisModel, picture));
    } catch (failure) {
      if (this.#signal.aborted) return;
      this.#isAsked = false;
      this.#again.hidden = false;
      this.#note.textContent = Object.values(cardErrorMessage(failure)).join(". ");
    }
  }
}
