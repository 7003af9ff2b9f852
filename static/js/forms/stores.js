// Where records come from and go to: the memory of this page, or the server's storage. Both read, save and remove.

import { FILE_TIMEOUT_MS } from "../client.js";
import { correct, judge, recordOf, valuesOf } from "./records.js";
import { cellsOf } from "./template.js";

const PAGE = 100; // records in a response
const forever = new AbortController().signal; // nobody aborts what was asked by hand

// The endpoints for forms below `api`, such as "/api/v1".
export class FormsApi {
  #client;
  #api;

  constructor(client, api) {
    this.#client = client;
    this.#api = api;
  }

  get = (path) => this.#client.load(`${this.#api}${path}`, forever);
  remove = (path) => this.#client.load(`${this.#api}${path}`, forever, { method: "DELETE" }, FILE_TIMEOUT_MS);
  ask = (path, body, options = {}, signal = forever) => this.#client.ask(`${this.#api}${path}`, body, options, signal);
  address = (path) => `${this.#api}${path}`;

  // A request with a body that may take long: a form with files, or an object as JSON.
  send(path, body, signal = forever, method = "POST") {
    const isForm = body instanceof FormData;
    const json = { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return this.#client.load(`${this.#api}${path}`, signal, { method, ...(isForm ? { body } : json) }, FILE_TIMEOUT_MS);
  }

  propose = (file) => this.ask("/form-proposals", file);

  async violations(template, fields) {
    return (await this.ask("/form-checks", { form: { ...template, reference: null }, fields })).violations;
  }
}

// Keeps nothing: the server reads a page and forgets it.
export class MemoryStore {
  isKept = false;
  #api;
  #form;
  #blank;

  // blank: the file of the template's picture.
  constructor(api, template, blank) {
    this.#api = api;
    this.template = template;
    this.cells = cellsOf(template);
    this.#form = JSON.stringify({ ...template, reference: null });
    this.#blank = blank;
  }

  async read(file, signal) {
    const body = new FormData();
    body.set("image", file, file.name);
    body.set("form", this.#form);
    body.set("reference", this.#blank, "reference");
    const answer = await this.#api.send("/read?include=field_image", body, signal);
    const record = recordOf(answer, file.name, this.cells);
    for (const field of Object.values(record.fields)) field.image = field.image && blobOf(field.image);
    return record;
  }

  // The record with other values, an object by the fields' names, and what they break by the form's rules.
  async save(record, values) {
    const changed = Object.entries(values).reduce((current, [name, value]) => correct(current, name, value), record);
    const violations = await this.#api.violations(this.template, valuesOf(changed));
    return judge({ ...changed, violations }, this.cells);
  }

  // The address of a field's picture; the caller revokes it.
  imageUrl({ fields }, name) {
    return fields[name].image ? URL.createObjectURL(fields[name].image) : "";
  }

  async remove() {}
}

// Keeps records on the server, under the form with `id`.
export class ServerStore {
  isKept = true;
  #api;

  constructor(api, { id, template }) {
    this.#api = api;
    this.id = id;
    this.template = template;
    this.cells = cellsOf(template);
  }

  read = (file, signal) => this.#api.ask(`/forms/${this.id}/records`, file, { name: file.name }, signal);
  save = ({ id, version }, fields) => this.#api.send(`/records/${id}`, { version, fields }, forever, "PATCH");
  imageUrl = ({ id }, name) => this.#api.address(`/records/${id}/fields/${encodeURIComponent(name)}/image`);
  remove = ({ id }) => this.#api.remove(`/records/${id}`);

  async records() {
    const found = [];
    for (let after = 0; after !== null; ) {
      const { records, next } = await this.#api.get(`/forms/${this.id}/records?limit=${PAGE}${after ? `&after=${after}` : ""}`);
      found.push(...records);
      after = next;
    }
    return found;
  }
}

// The policy of the page lets fetch() read no data URLs.
export function blobOf(dataUrl) {
  const [head, data] = dataUrl.split(",");
  const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  return new Blob([bytes], { type: head.slice("data:".length).split(";")[0] });
}
