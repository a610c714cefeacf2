// The programs for the six kinds of parts. A program works out the parts of one kind that the question has; where
// it has none of that kind, the program says so and fails, which is what a wrong plan costs.

import { unreachable } from "../../../lib/unreachable.ts";
import { type Part, type PartKind, partsOf } from "../question/part.ts";
import type { ReadQuestion } from "../question/read-question.ts";
import { units } from "../question/unit-table.ts";
import {
  arithmeticFunctions,
  pythonList,
  pythonText,
  showFunction,
  statisticsFunctions,
  targetFunctions,
  unitFunctions,
} from "./python.ts";

/** Which of several parts of one kind: all of them where nothing is said. */
export type Which = "all" | "first" | "last";

export function partProgram(question: ReadQuestion, kind: PartKind, which: Which): string {
  const parts = partsOf(question, kind);
  const chosen = parts.flatMap((part, index) =>
    isChosen(which, index, parts.length) ? [{ part, rank: index + 1 }] : [],
  );
  if (chosen.length === 0) {
    return `raise LookupError("I find nothing in the question that is a matter of ${kind}")\n`;
  }
  // The rounding that a question asks for is its answer's; a part is rounded only if it is the answer.
  const decimals = question.operands.length === 1 && question.decimals !== null ? `, ${question.decimals}` : "";
  const lines = chosen.flatMap(({ part, rank }) => [
    `value = ${toExpression(part)}`,
    `print("${kind} ${rank} =", show(value${decimals}))`,
  ]);
  return [
    showFunction,
    ...preludeOf(
      kind,
      chosen.map(({ part }) => part),
    ),
    lines.join("\n"),
    "",
  ].join("\n\n");
}

function isChosen(which: Which, index: number, count: number): boolean {
  return which === "all" || index === (which === "first" ? 0 : count - 1);
}

function preludeOf(kind: PartKind, parts: readonly Part[]): string[] {
  switch (kind) {
    case "arithmetic":
      return [arithmeticFunctions];
    case "target":
      return [targetFunctions];
    case "days":
    case "weekday":
      return ["from datetime import date, timedelta"];
    case "units":
      return [unitTable(parts), unitFunctions];
    case "statistics":
      return [statisticsFunctions];
    default:
      return unreachable(kind);
  }
}

/** Only the units that the question names. */
function unitTable(parts: readonly Part[]): string {
  const names = new Set(
    parts.flatMap((part) => (part.kind === "units" ? [part.to, ...part.amounts.map(([, name]) => name)] : [])),
  );
  const rows = units
    .filter((unit) => names.has(unit.name))
    .map((unit) => `    ${pythonText(unit.name)}: (${pythonText(unit.dimension)}, F(${pythonText(unit.factor)})),`);
  return ["units = {", ...rows, "}"].join("\n");
}

function toExpression(part: Part): string {
  switch (part.kind) {
    case "arithmetic":
      return part.expression;
    case "target": {
      const none = pythonText(`no expression reaches ${part.target}`);
      return `solve(${pythonList(part.numbers)}, F(${pythonText(part.target)})) or ${none}`;
    }
    case "days":
      return part.form === "between"
        ? `F(abs((${toDate(part.to)} - ${toDate(part.from)}).days), ${part.daysPerUnit})`
        : `(${toDate(part.from)} + timedelta(days=${part.days})).isoformat()`;
    case "weekday": {
      const moved = `(${toDate(part.date)} + timedelta(days=${part.days}))`;
      return part.asNumber ? `F(${moved}.isoweekday())` : `${moved}.strftime("%A")`;
    }
    case "units":
      return `convert([${part.amounts.map(([value, unit]) => `(${pythonText(value)}, ${pythonText(unit)})`).join(", ")}], ${pythonText(part.to)})`;
    case "statistics":
      return `measure(${pythonText(part.measure)}, ${pythonList(part.numbers)})`;
    default:
      return unreachable(part);
  }
}

function toDate(iso: string): string {
  return `date.fromisoformat(${pythonText(iso)})`;
}
