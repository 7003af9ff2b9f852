// The picture of a round: its score and its ten drawings, on a canvas. It is light in every theme, as paper is.

import { create } from "../component.js";
import { outline } from "../pen_line.js";
import { squareAround } from "../svg.js";
import * as texts from "./texts.js";

const COLUMNS = 5;
const TILE = 184;
const STEP = TILE + 20;
const ROW = TILE + 64; // with the caption
const EDGE = 40;
const HEAD = 170;
const [WIDTH, HEIGHT] = [2 * EDGE + COLUMNS * STEP - 20, HEAD + 2 * ROW + 20];
const FONT = "system-ui, sans-serif";
const COLORS = { ground: "#f4f1ea", paper: "#fff", line: "#e3dccf", ink: "#1a2033", quiet: "#5c6272", accent: "#2f55d4", doubt: "#8a5200" }; // digitrec.css

// results: a round's.
export function scorePicture(results, title) {
  const canvas = create("canvas", { width: WIDTH, height: HEIGHT, role: "img", ariaLabel: texts.PICTURE });
  const context = canvas.getContext("2d");
  context.fillStyle = COLORS.ground;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  write(context, title, EDGE, 90, WIDTH - 2 * EDGE, `700 64px ${FONT}`, COLORS.accent);
  write(context, `${texts.TITLE} · digitrec`, EDGE, 138, WIDTH - 2 * EDGE, `28px ${FONT}`, COLORS.quiet);
  for (const result of results) drawTile(context, result);
  return canvas;
}

function drawTile(context, result) {
  const { digit, strokes, verdict } = result;
  const [x, y] = [EDGE + (digit % COLUMNS) * STEP, HEAD + Math.floor(digit / COLUMNS) * ROW];
  const isRight = verdict === "right";
  context.beginPath();
  context.roundRect(x, y, TILE, TILE, 20);
  Object.assign(context, { fillStyle: COLORS.paper, strokeStyle: isRight ? COLORS.line : COLORS.doubt, lineWidth: isRight ? 2 : 5 });
  context.fill();
  context.stroke();
  if (strokes.length) drawStrokes(context, strokes, x, y);
  const text = isRight ? String(digit) : texts.captionText(result);
  context.textAlign = "center";
  write(context, text, x + TILE / 2, y + TILE + 34, TILE, `600 24px ${FONT}`, isRight ? COLORS.ink : COLORS.doubt);
}

function drawStrokes(context, strokes, x, y) {
  const [left, top, side] = squareAround(strokes);
  context.save();
  context.translate(x, y);
  context.scale(TILE / side, TILE / side);
  context.translate(-left, -top);
  context.fillStyle = COLORS.ink;
  for (const stroke of strokes) context.fill(new Path2D(outline(stroke)));
  context.restore();
}

function write(context, text, x, y, maxWidth, font, fillStyle) {
  Object.assign(context, { font, fillStyle });
  context.fillText(text, x, y, maxWidth);
}
