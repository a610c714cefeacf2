import { describe, expect, it } from "vitest";
import { RunEventSchema } from "../../../src/agent/events.ts";

describe("the events of a run", () => {
  it("have no field named `error`, which clients' SSE readers take for the stream's own failure", () => {
    const named = RunEventSchema.options.flatMap((option) => Object.keys(option.shape));
    expect(named).toContain("problem");
    expect(named).not.toContain("error");
  });
});
