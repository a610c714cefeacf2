// Writes variables in the form that wrangler's `--env-file` reads: dotenv with expansion of `$`.

import { writeFileSync } from "node:fs";

/** One `NAME='value'`; throws for a value that dotenv cannot hold. */
export function envLine(name: string, value: string): string {
  const quote = ["'", '"', "`"].find((mark) => !value.includes(mark));
  if (quote === undefined || /[\r\n\0]/.test(value)) {
    throw new Error(`the value of ${name} cannot be passed on: it holds a line break or all three kinds of quotes`);
  }
  return `${name}=${quote}${value.replaceAll("$", String.raw`\$`)}${quote}`;
}

/** The file may hold keys: only its owner can read it. */
export function writeEnvFile(path: string, variables: Readonly<Record<string, string>>): void {
  const lines = Object.entries(variables).map(([name, value]) => envLine(name, value));
  writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600 });
}
