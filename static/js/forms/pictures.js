// The picture of a blank form, as the browser can show it and the server takes it.

const MAX_PX = 2000; // longer side: what registration needs; each page is sent with it

// { blob, url, size, scale } of a picture, reduced by `scale` if it is large; throws if the browser cannot show it. url is a
// data URL.
export async function loadPicture(blob) {
  const bitmap = await createImageBitmap(blob);
  const scale = Math.min(1, MAX_PX / Math.max(bitmap.width, bitmap.height));
  const size = [bitmap.width, bitmap.height].map((side) => Math.round(side * scale));
  const isFit = scale === 1 && ["image/png", "image/jpeg", "image/webp"].includes(blob.type);
  const picture = isFit ? blob : await redrawn(bitmap, size);
  bitmap.close();
  return { blob: picture, url: await dataUrl(picture), size, scale };
}

function redrawn(bitmap, [width, height]) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, width, height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
}

function dataUrl(blob) {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(blob);
  });
}
