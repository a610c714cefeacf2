// The weights file that ships: JSON as the formatter wants it, in lines of at most 120 characters, numbers rounded to
// three decimals, which keeps the file small and moves no probability by more than a hundredth.

import { OfflineWeights } from "../../src/engines/offline/policy/weights.ts";

const decimals = 1000;

export function rounded(weights: OfflineWeights, version: string): OfflineWeights {
  // The sum turns -0 into 0.
  const rows = weights.rows.map((row) => row.map((value) => Math.round(value * decimals) / decimals + 0));
  return OfflineWeights.parse({ ...weights, version, rows });
}

export function toWeightsJson({ rows, ...head }: OfflineWeights): string {
  const fields = Object.entries(head).map(
    ([name, value]) => `  "${name}": ${JSON.stringify(value).replaceAll(",", ", ")},`,
  );
  const lists = rows.map((row) => `    [\n${fillLines(row)}\n    ]`);
  return `{\n${fields.join("\n")}\n  "rows": [\n${lists.join(",\n")}\n  ]\n}\n`;
}

function fillLines(row: readonly number[]): string {
  const lines = [""];
  for (const [index, value] of row.entries()) {
    const piece = `${value}${index + 1 < row.length ? "," : ""}`;
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + 1 + piece.length > 114) {
      lines.push(piece);
    } else {
      lines[lines.length - 1] = line === "" ? piece : `${line} ${piece}`;
    }
  }
  return lines.map((line) => `      ${line}`).join("\n");
}
