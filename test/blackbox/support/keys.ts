// Callers with keys of their own on a running server, made as an operator makes them. No assertions.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { launcher, type Server } from "../../support/server.ts";
import { type Api, apiOf } from "./api.ts";

const run = promisify(execFile);

/** The script prints the key alone on its standard output. A key can be made before there is anything in the folder. */
export async function createKey(stateDir: string, tenant: string, scopes: string): Promise<string> {
  const args = [launcher, "create-key", "--tenant", tenant, "--scopes", scopes];
  const { stdout } = await run(process.execPath, args, { env: { ...process.env, STATE_DIR: stateDir } });
  return stdout.trim();
}

export async function createCaller(server: Server, tenant: string, scopes: string): Promise<Api> {
  return apiOf(server.url, await createKey(server.stateDir, tenant, scopes));
}
