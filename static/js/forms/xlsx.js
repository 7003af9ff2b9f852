// A workbook with one sheet, as Excel and LibreOffice open it: a ZIP file of XML (ECMA-376), not compressed.

const DOUBT = 1; // the cell format in styles.xml with a yellow ground
const SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml";
const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';
const NOT_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const DOS_DATE = 0x21; // 1 January 1980: the same table is the same file

// The file, a Uint8Array, of rows of { value, isDoubtful }: text stays text, never a formula; the first row and column
// stay in view.
export function toXlsx(rows, name) {
  const parts = { "[Content_Types].xml": contentTypes(), "_rels/.rels": relations("officeDocument", "xl/workbook.xml"),
    "xl/workbook.xml": workbook(name), "xl/_rels/workbook.xml.rels": relations("worksheet", "worksheets/sheet1.xml", "styles", "styles.xml"),
    "xl/styles.xml": styles(), "xl/worksheets/sheet1.xml": sheet(rows) };
  const encoder = new TextEncoder();
  return zip(Object.entries(parts).map(([path, xml]) => [encoder.encode(path), encoder.encode(HEAD + xml)]));
}

const escaped = (text) => text.replace(NOT_XML, "\ufffd").replace(/[&<>"]/g, (char) => ENTITIES[char]);

function contentTypes() {
  const part = (path, kind) => `<Override PartName="/xl/${path}.xml" ContentType="${TYPE}.${kind}+xml"/>`;
  return `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>`
    + `${part("workbook", "sheet.main")}${part("worksheets/sheet1", "worksheet")}${part("styles", "styles")}</Types>`;
}

function relations(...pairs) {
  const items = [];
  for (let index = 0; index < pairs.length; index += 2) {
    items.push(`<Relationship Id="r${index}" Type="${OFFICE}/${pairs[index]}" Target="${pairs[index + 1]}"/>`);
  }
  return `<Relationships xmlns="${PACKAGE}/relationships">${items.join("")}</Relationships>`;
}

// Excel takes at most 31 characters, and not all of them, for a sheet's name.
function workbook(name) {
  const title = escaped(name.replace(/[[\]:*?/\\']/g, " ").trim().slice(0, 31)) || "digitrec";
  return `<workbook xmlns="${SHEET}" xmlns:r="${OFFICE}"><bookViews><workbookView/></bookViews><sheets><sheet name="${title}" sheetId="1" r:id="r0"/></sheets></workbook>`;
}

function styles() {
  const fill = (pattern) => `<fill><patternFill patternType="${pattern}"/></fill>`;
  const yellow = '<fill><patternFill patternType="solid"><fgColor rgb="FFFFE699"/></patternFill></fill>';
  return `<styleSheet xmlns="${SHEET}"><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts><fills count="3">${fill("none")}${fill("gray125")}${yellow}</fills>`
    + '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    + '<cellXfs count="2"><xf/><xf fillId="2" applyFill="1"/></cellXfs>'
    + '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>';
}

function sheet(rows) {
  const cell = ({ value, isDoubtful }) => {
    const style = isDoubtful ? ` s="${DOUBT}"` : "";
    if (typeof value === "boolean") return `<c t="b"${style}><v>${Number(value)}</v></c>`;
    if (value === "" && !isDoubtful) return "<c/>";
    return `<c t="inlineStr"${style}><is><t xml:space="preserve">${escaped(value)}</t></is></c>`;
  };
  const lines = rows.map((row) => `<row>${row.map(cell).join("")}</row>`).join("");
  const pane = '<pane xSplit="1" ySplit="1" topLeftCell="B2" activePane="bottomRight" state="frozen"/>';
  return `<worksheet xmlns="${SHEET}"><sheetViews><sheetView workbookViewId="0">${pane}</sheetView></sheetViews><sheetData>${lines}</sheetData></worksheet>`;
}

// The files, [path, bytes] each, stored in one ZIP file (APPNOTE.TXT 4.3).
function zip(files) {
  const [locals, centrals] = [[], []];
  let offset = 0;
  for (const [path, data] of files) {
    const common = [20, 0, 0, 0, DOS_DATE, [crc32(data)], [data.length], [data.length], path.length, 0];
    const local = record([0x04034b50], ...common);
    centrals.push(record([0x02014b50], 20, ...common, 0, 0, 0, [0], [offset]), path);
    locals.push(local, path, data);
    offset += local.length + path.length + data.length;
  }
  const size = centrals.reduce((sum, { length }) => sum + length, 0);
  return joined([...locals, ...centrals, record([0x06054b50], 0, 0, files.length, files.length, [size], [offset], 0)]);
}

// Numbers of two bytes, and of four where they are in brackets; the smallest byte first.
function record(...values) {
  return Uint8Array.from(values.flatMap((value) => {
    const [number, size] = Array.isArray(value) ? [value[0], 4] : [value, 2];
    return Array.from({ length: size }, (_, index) => (number >>> (8 * index)) & 0xff);
  }));
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}

const CRC_TABLE = Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(data) {
  let crc = 0xffffffff;
  for (const byte of data) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
