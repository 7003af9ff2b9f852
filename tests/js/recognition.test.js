import assert from "node:assert/strict";
import { test } from "node:test";

import { Failure } from "../../static/js/client.js";
import { Recognition } from "../../static/js/recognition.js";

const { signal } = new AbortController();
const digit = (reason = null) => ({ digit: 4, accepted: !reason, reason });
const reading = (transcript, accepted = true) => ({ text: transcript.replace("?", ""), transcript, accepted });

// Answers in turn, [kind, answer], and the options of each question.
function recognition(...answers) {
  const asked = [];
  const ask = async (kind, body, options) => {
    const [expected, answer] = answers.shift();
    assert.equal(kind, expected);
    asked.push(options);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return [new Recognition(ask), asked, answers];
}

test("one digit is asked about once", async () => {
  for (const answer of [digit(), digit("low_confidence")]) {
    const [asking, , left] = recognition(["predict", answer]);
    assert.equal(await asking.recognize({}, null, signal), answer);
    assert.deepEqual(left, []);
  }
});

test("several digits are read as a number, and what was a number is read first", async () => {
  const number = reading("47");
  const [asking, , left] = recognition(["predict", digit("several_digits")], ["read", number], ["read", number]);
  assert.equal(await asking.recognize({}, null, signal), number);
  assert.equal(await asking.recognize({}, null, signal), number);
  assert.deepEqual(left, []);
});

test("a number that became one digit is a digit again", async () => {
  const [asking] = recognition(
    ["predict", digit("several_digits")], ["read", reading("47")], ["read", reading("4")], ["predict", digit()], ["predict", digit()],
  );
  await asking.recognize({}, null, signal);
  assert.equal((await asking.recognize({}, null, signal)).digit, 4);
  assert.equal((await asking.recognize({}, null, signal)).digit, 4);
});

test("a sign is not made a number by a guess, and another sign next to a digit is shown", async () => {
  const [sign] = recognition(["predict", digit("no_digit")], ["read", reading("47", false)]);
  assert.equal((await sign.recognize({}, null, signal)).digit, 4);
  const [mixed] = recognition(["predict", digit("several_digits")], ["read", reading("?7", false)]);
  assert.equal((await mixed.recognize({}, null, signal)).transcript, "?7");
});

test("what is known of the number goes with the question, and one that is rejected is a failure of its own", async () => {
  const [asking, asked] = recognition(["read", reading("4")]);
  await asking.recognize({}, { length: "1" }, signal);
  assert.equal(asked[0].length, "1");
  const [rejected] = recognition(["read", new Failure("rejected")]);
  await assert.rejects(rejected.recognize({}, { length: "0" }, signal), { kind: "bad-constraint" });
});
