// `npm run keys:create -- --tenant acme --scopes solve,datasets`: makes an API key, prints it once and stores only
// its hash. Without `--env` the key goes into the local state folder (STATE_DIR), with it into that deployment.

import { spawnSync } from "node:child_process";
import { createHash, getRandomValues } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { formatApiKey, newApiKey } from "../src/lib/api-key.ts";
import { Scope, TenantName } from "../src/store/keys.ts";
import { migrateLedger } from "./lib/dev-server.ts";

const root = resolve(import.meta.dirname, "..");
const wranglerCli = join(root, "node_modules/wrangler/wrangler-dist/cli.js");
const defaultStateDir = ".agentflow";
const usage = `usage: npm run keys:create -- --tenant <name> --scopes <${Scope.options.join(",")}> [--name <text>] [--env <environment>]`;

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        tenant: { type: "string" },
        scopes: { type: "string" },
        name: { type: "string", default: "" },
        env: { type: "string" },
      },
    }).values;
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

function readScopes(text: string): string {
  const scopes = text.split(",").map((scope) => Scope.safeParse(scope.trim()));
  const known = scopes.flatMap((scope) => (scope.success ? [scope.data] : []));
  if (known.length !== scopes.length) {
    fail(`--scopes takes a comma-separated list of ${Scope.options.join(", ")}.\n${usage}`);
  }
  return [...new Set(known)].join(",");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Where the row goes: a deployment's database, or the one that `npm start` keeps, which need not have been there. */
function target(env: string | undefined): string[] {
  if (env !== undefined) {
    return ["--remote", "--env", env];
  }
  const stateDir = process.env["STATE_DIR"]?.trim() ?? "";
  const folder = resolve(stateDir === "" ? defaultStateDir : stateDir);
  try {
    mkdirSync(folder, { recursive: true });
    migrateLedger(folder);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
  return ["--local", "--persist-to", join(folder, "wrangler")];
}

const options = readOptions();
const tenant = TenantName.safeParse(options.tenant);
if (!tenant.success) {
  fail(`--tenant takes up to 63 lower-case letters, digits and hyphens.\n${usage}`);
}
const scopes = readScopes(options.scopes ?? "");
const key = newApiKey((bytes) => getRandomValues(bytes));
const values = [
  key.id,
  createHash("sha256").update(key.secret).digest("hex"),
  tenant.data,
  scopes,
  options.name.slice(0, 200),
  new Date().toISOString(),
];
const sql = `INSERT INTO api_keys (key_id, secret_sha256, tenant, scopes, name, created_at) VALUES (${values.map(quote).join(", ")})`;
const inserted = spawnSync(
  process.execPath,
  ["--no-warnings", wranglerCli, "d1", "execute", "DB", ...target(options.env), "--yes", "--command", sql],
  { cwd: root, encoding: "utf8", env: { ...process.env, CI: "true", WRANGLER_SEND_METRICS: "false" } },
);
if (inserted.status !== 0) {
  console.error(inserted.stdout, inserted.stderr);
  fail("The key was not stored.");
}
console.error(`A key for ${tenant.data} with ${scopes}. It is shown only this once:`);
console.log(formatApiKey(key));
