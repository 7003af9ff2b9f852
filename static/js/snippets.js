// How a program asks for this drawing, in curl, Python and JavaScript, without further libraries.

export const EXAMPLE = [[[200, 150], [800, 150], [560, 500], [440, 900]]]; // a 7

// Returns [{ name, code }, ...] for strokes [[[x, y], ...], ...], the endpoint's whole address, and the field of its
// answer that has what was read.
export function snippets(strokes, address, field) {
  const drawn = JSON.stringify(strokes.map((stroke) => stroke.map((point) => point.map(Math.round))));
  return [
    { name: "curl", code: curlCode(drawn, address) },
    { name: "Python", code: pythonCode(drawn, address, field) },
    { name: "JavaScript", code: javascriptCode(drawn, address, field) },
  ];
}

function curlCode(drawn, address) {
  return `curl '${address}' \\
  -H 'Content-Type: application/json' \\
  -d '{"strokes": ${drawn}}'
`;
}

function pythonCode(drawn, address, field) {
  return `import json
import urllib.request

strokes = ${drawn}
request = urllib.request.Request(
    "${address}",
    json.dumps({"strokes": strokes}).encode(),
    {"Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as response:
    answer = json.load(response)
print(answer["${field}"], answer["confidence"])
`;
}

function javascriptCode(drawn, address, field) {
  return `const strokes = ${drawn};
const response = await fetch("${address}", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ strokes }),
});
const answer = await response.json();
console.log(answer.${field}, answer.confidence);
`;
}
