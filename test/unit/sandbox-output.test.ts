import { expect, test } from "vitest";
import { Output } from "../../src/tools/python-coder/sandbox/output.ts";

const caps = { keptBytes: 8, printedBytes: 20 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("keeps what fits", () => {
  const output = new Output(caps, () => expect.unreachable("no flood"));
  output.write(bytes("ab\n"));
  output.write(bytes("cd\n"));
  expect([output.text, output.isCut]).toEqual(["ab\ncd\n", false]);
});

test("keeps the head of what does not", () => {
  const output = new Output(caps, () => expect.unreachable("no flood"));
  output.write(bytes("abcdef"));
  output.write(bytes("ghijkl"));
  expect([output.text, output.isCut]).toEqual(["abcdefgh", true]);
});

test("joins a character that came in two writes", () => {
  const output = new Output(caps, () => expect.unreachable("no flood"));
  const [first, second] = [bytes("é").subarray(0, 1), bytes("é").subarray(1)];
  output.write(first);
  output.write(second);
  expect(output.text).toBe("é");
});

test("drops a character that the cap cuts in half", () => {
  const output = new Output(caps, () => expect.unreachable("no flood"));
  output.write(bytes("abcdefg\u{1F600}"));
  expect([output.text, output.isCut]).toEqual(["abcdefg", true]);
});

test("reports a flood once the second cap is passed", () => {
  const floods: number[] = [];
  const output = new Output(caps, () => floods.push(1));
  output.write(bytes("x".repeat(20)));
  expect(floods).toHaveLength(0);
  output.write(bytes("x"));
  expect(floods).toHaveLength(1);
});

test("keeps its own copy of what was written", () => {
  const output = new Output(caps, () => expect.unreachable("no flood"));
  const shared = bytes("abc");
  output.write(shared);
  shared.fill(0);
  expect(output.text).toBe("abc");
});
