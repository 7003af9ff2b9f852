// Takes pictures in: from the picker, dropped anywhere, or pasted. Fires "files" with a list of File.

export class PictureIntake extends EventTarget {
  #input;
  #curtain;
  #depth = 0; // dragenter and dragleave come for every element on the way
  #handlers = {
    dragenter: (event) => this.#drag(event, +1),
    dragleave: (event) => this.#drag(event, -1),
    dragover: (event) => carriesFiles(event) && event.preventDefault(),
    drop: (event) => this.#drop(event),
    paste: (event) => this.#take(event.clipboardData?.files),
  };
  #picked = () => {
    this.#take(this.#input.files);
    this.#input.value = ""; // so that the same file can be chosen again
  };

  constructor(input, curtain) {
    super();
    this.#input = input;
    this.#curtain = curtain;
  }

  enable() {
    for (const [name, handler] of Object.entries(this.#handlers)) addEventListener(name, handler);
    this.#input.addEventListener("change", this.#picked);
  }

  disable() {
    for (const [name, handler] of Object.entries(this.#handlers)) removeEventListener(name, handler);
    this.#input.removeEventListener("change", this.#picked);
  }

  #drag(event, step) {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    this.#depth = Math.max(0, this.#depth + step);
    this.#curtain.toggleAttribute("data-open", this.#depth > 0);
  }

  #drop(event) {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    this.#depth = 0;
    this.#curtain.removeAttribute("data-open");
    this.#take(event.dataTransfer.files);
  }

  #take(files) {
    if (files?.length) this.dispatchEvent(new CustomEvent("files", { detail: [...files] }));
  }
}

function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
