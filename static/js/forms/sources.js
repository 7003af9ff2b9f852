// Where a form comes from: a picture of the blank form, a file with its template, the example. Each gives { template,
// picture }, the picture as of loadPicture().

import { loadPicture } from "./pictures.js";
import { blobOf } from "./stores.js";
import { inPixels, newTemplate, wholeTemplate } from "./template.js";
import * as texts from "./texts.js";

const EXAMPLE = new URL("../example/", import.meta.url); // from bundle/forms.js
const EXAMPLE_FILES = ["form.json", "blank.png", "1.jpg", "2.jpg", "3.jpg"];

export async function fromBlank(file, propose) {
  const picture = await shownPicture(file);
  const { fields } = await propose(picture.blob);
  return { template: { ...newTemplate(file.name.replace(/\.\w+$/, ""), picture.url), fields }, picture };
}

// file: of the picture, where the template has none inside.
export async function fromTemplate(json, file) {
  const template = await json.text().then(JSON.parse).then(wholeTemplate).catch(() => Promise.reject(new Error(texts.NOT_A_TEMPLATE)));
  return withPicture(template, file);
}

export const fromStored = ({ template }) => withPicture(wholeTemplate(template));

async function withPicture(template, file) {
  if (!file && !template.reference?.startsWith("data:")) throw new Error(texts.NO_PICTURE);
  const picture = await shownPicture(file ?? blobOf(template.reference));
  return { template: inPixels({ ...template, reference: picture.url }, picture), picture };
}

// With the files of its filled pages.
export async function fromExample() {
  const load = async (name) => new File([await fetch(new URL(name, EXAMPLE)).then((response) => response.blob())], name);
  const [json, blank, ...pages] = await Promise.all(EXAMPLE_FILES.map(load)).catch(() => Promise.reject(new Error(texts.EXAMPLE_MISSING)));
  return { ...(await fromTemplate(json, blank)), pages };
}

async function shownPicture(blob) {
  return loadPicture(blob).catch(() => Promise.reject(new Error(texts.NOT_A_PICTURE)));
}
