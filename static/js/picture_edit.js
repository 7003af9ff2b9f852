// Pictures made smaller, turned and cropped in the browser.

const LONGEST_PX = 2000; // of a picture that is made smaller: a page of numbers is still read

// A JPEG of `file`, its longer side at most LONGEST_PX. Throws where the browser cannot show the picture.
export function scaledDown(file) {
  return redrawn(file, ({ width, height }) => {
    const factor = Math.min(1, LONGEST_PX / Math.max(width, height));
    return [width * factor, height * factor, (context) => context.scale(factor, factor)];
  });
}

// A quarter turn clockwise.
export function turned(file) {
  return redrawn(file, ({ width, height }) => [height, width, (context) => {
    context.translate(height, 0);
    context.rotate(Math.PI / 2);
  }]);
}

// The part { x, y, width, height } of it, in its pixels.
export function cropped(file, { x, y, width, height }) {
  return redrawn(file, () => [width, height, (context) => context.translate(-x, -y)]);
}

// plan(picture) gives the new width and height and a function that sets the context's transform.
async function redrawn(file, plan) {
  const picture = await createImageBitmap(file);
  const [width, height, transform] = plan(picture);
  const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(width), height: Math.round(height) });
  const context = canvas.getContext("2d");
  Object.assign(context, { fillStyle: "#fff", imageSmoothingQuality: "high" }); // on white, as the server sees it
  context.fillRect(0, 0, canvas.width, canvas.height);
  transform(context);
  context.drawImage(picture, 0, 0);
  picture.close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  return new File([blob], file.name, { type: blob.type, lastModified: file.lastModified });
}
