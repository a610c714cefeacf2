import { describe, expect, it } from "vitest";
import { toLineStream } from "../../../src/training/views/line-stream.ts";

interface Watched {
  readonly groups: AsyncGenerator<Iterable<unknown>>;
  /** Row groups that were read so far. */
  read(): number;
  isClosed(): boolean;
}

function watched(count: number, rowsEach: number): Watched {
  let read = 0;
  let isClosed = false;
  async function* groups() {
    try {
      for (let index = 0; index < count; index++) {
        read += 1;
        yield await Promise.resolve(
          Array.from({ length: rowsEach }, (_, row) => ({ index, row, text: "x".repeat(100) })),
        );
      }
    } finally {
      isClosed = true;
    }
  }
  return { groups: groups(), read: () => read, isClosed: () => isClosed };
}

describe("a stream of lines", () => {
  it("reads nothing before its reader does, and no further than its reader", async () => {
    const source = watched(100, 2000);
    const reader = toLineStream(source.groups).getReader();
    await Promise.resolve();
    expect(source.read()).toBe(0);
    await reader.read();
    expect(source.read()).toBe(1);
    await reader.read();
    expect(source.read()).toBe(1);
    await reader.cancel();
    expect(source.isClosed()).toBe(true);
    expect(source.read()).toBe(1);
  });

  it("has every line whole and once, in pieces of a bounded size", async () => {
    const source = watched(5, 3000);
    let largest = 0;
    let text = "";
    const decoder = new TextDecoder();
    for await (const piece of toLineStream(source.groups)) {
      largest = Math.max(largest, piece.byteLength);
      text += decoder.decode(piece, { stream: true });
    }
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(lines).toHaveLength(15_000);
    expect(lines[14_999]).toMatchObject({ index: 4, row: 2999 });
    expect(largest).toBeLessThan(70_000);
    expect(source.isClosed()).toBe(true);
  });

  it("is empty for no rows", async () => {
    expect(await new Response(toLineStream(watched(0, 0).groups)).text()).toBe("");
  });

  it("breaks off where the dataset cannot be read further", async () => {
    async function* broken() {
      yield await Promise.resolve([{ row: 1 }]);
      throw new Error("the file is gone");
    }
    await expect(new Response(toLineStream(broken())).text()).rejects.toThrow("the file is gone");
  });
});
