// The number reward: which number is read, how it is written, units and tolerance.

import { describe, expect, it } from "vitest";
import { RewardSpec } from "../../../src/rewards/reward-spec.ts";
import { errorCode, reward } from "./support.ts";

const plain = { kind: "number" } as const;

describe("number", () => {
  it.each([
    ["The answer is 3.", "3"],
    ["1/2", "0.5"],
    ["0.5", "50%"],
    ["50 percent", "1/2"],
    ["\\boxed{\\frac{1}{2}}", "50\\%"],
    ["−7", "-7"],
    ["x = -7", "-7"],
    ["a range of 3-5", "5"],
    ["$1,234,567.50", "1234567.5"],
    ["1{,}000", "1000"],
    ["6.02e23", "6.02 × 10^{23}"],
    ["1.5·10⁻³", "0.0015"],
    ["2 1/2", "2.5"],
    ["-2 1/2", "-2.5"],
    ["1.5 million", "1500000"],
    ["0.30000000000000004", "0.3"],
    ["**42**", "42"],
    [".5", "0.5"],
    ["Step 1 gives 5. So <answer>12 apples</answer>", "12"],
    ["12 km", "12"],
  ])("reads %j as %j", (answer, gold) => {
    expect(reward(plain, answer, [gold]).value).toBe(1);
  });

  it.each([
    ["The answer is 3.", "13"],
    ["13", "3"],
    ["vitamin B12", "12"],
    ["do not know", "0"],
    ["", "0"],
    ["7", "-7"],
    ["50", "50%"],
    ["0.333", "1/3"],
    ["1/0", "0"],
    ["10^2", "10"],
    ["Infinity NaN", "0"],
    ["1e999999", "1"],
  ])("does not take %j for %j", (answer, gold) => {
    expect(reward(plain, answer, [gold]).value).toBe(0);
  });

  it.each([
    ["5000 m", "5 km", undefined],
    ["5", "5 km", undefined],
    ["5 in total", "5 cm", undefined],
    ["1 h 30 min", "90 minutes", undefined],
    ["5 ft, 11 in", "71", "inches"],
    ["32 °F", "0 °C", undefined],
    ["$100^\\circ$C", "373.15 K", undefined],
    ["-40 degrees Fahrenheit", "-40", "°C"],
    ["36 km/h", "10", "m/s"],
    ["2 m^3", "2000 L", undefined],
    ["50", "50", "%"],
    ["1/2 mile", "0.804672", "km"],
    ["250 mL", "0.25", "L"],
    ["0.5%", "0.5", "%"],
  ])("converts %j to %j (unit %s)", (answer, gold, unit) => {
    const spec = unit === undefined ? plain : { ...plain, unit };
    expect(reward(spec, answer, [gold]).value).toBe(1);
  });

  it.each([
    ["5 m", "5 km", undefined],
    ["5 kg", "5 km", undefined],
    ["5 m^2", "5 cm", undefined],
    ["0.5", "50", "%"],
    ["50% of it", "50 km", undefined],
  ])("does not take %j for %j (unit %s)", (answer, gold, unit) => {
    const spec = unit === undefined ? plain : { ...plain, unit };
    expect(reward(spec, answer, [gold]).value).toBe(0);
  });

  it.each([
    [{ absolute: 0.5 }, "10.5", 1],
    [{ absolute: 0.5 }, "10.51", 0],
    [{ relative: 0.01 }, "10.1", 1],
    [{ relative: 0.01 }, "10.11", 0],
    [{ absolute: 0 }, "10.000000001", 0],
    [{ relative: 0.001, absolute: 1 }, "11", 1],
  ])("with tolerance %j gives %s against 10 the value %d", (tolerance, answer, value) => {
    expect(reward({ ...plain, tolerance }, answer, ["10"]).value).toBe(value);
  });

  it("says that no gold answer is a number", () => {
    expect(errorCode(plain, "3", ["three"])).toBe("bad_reference");
    expect(reward(plain, "3", ["three", "3"]).value).toBe(1);
  });

  it("refuses a unit that it does not know", () => {
    expect(RewardSpec.safeParse({ ...plain, unit: "parsec" }).success).toBe(false);
  });
});
