// Keeps what is written before the modules are there, and shows it: a finger on the sheet does not wait. The
// strokes are taken over by window.takeEarlyInk(), which returns them and the pointer of the one that is under way.
(() => {
  const strokes = []; // each [[clientX, clientY], ...]
  const listening = new AbortController();
  let penId = null;

  const draw = (canvas) => {
    const { clientWidth, clientHeight } = canvas;
    Object.assign(canvas, { width: clientWidth * devicePixelRatio, height: clientHeight * devicePixelRatio });
    const { left, top } = canvas.getBoundingClientRect();
    const context = canvas.getContext("2d");
    context.scale(devicePixelRatio, devicePixelRatio);
    Object.assign(context, { lineWidth: Math.min(clientWidth, clientHeight) * 0.04, lineCap: "round", lineJoin: "round" });
    context.strokeStyle = getComputedStyle(canvas).color;
    for (const points of strokes) {
      context.beginPath();
      for (const [x, y] of points) context.lineTo(x - left, y - top);
      context.stroke();
    }
  };
  const begin = ({ target, pointerId, button, clientX, clientY }) => {
    if (target.id !== "pad" || penId !== null || button !== 0) return;
    penId = pointerId;
    target.setPointerCapture(pointerId);
    strokes.push([[clientX, clientY]]);
  };
  const extend = ({ target, pointerId, clientX, clientY }) => {
    if (pointerId !== penId) return;
    strokes.at(-1).push([clientX, clientY]);
    draw(target);
  };
  const end = ({ pointerId }) => (penId = pointerId === penId ? null : penId);
  const { signal } = listening;
  const handlers = { pointerdown: begin, pointermove: extend, pointerup: end, pointercancel: end };
  for (const [name, handler] of Object.entries(handlers)) document.addEventListener(name, handler, { signal });

  window.takeEarlyInk = () => {
    listening.abort();
    return [strokes, penId];
  };
})();
