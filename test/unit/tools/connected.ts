// Connected servers in plain Node against peers on a real socket: what their tests share. No assertions.

import { createDeploymentGuard } from "../../../src/lib/guarded-fetch/deployment-guard.ts";
import { createTenantSecrets } from "../../../src/lib/tenant-secrets.ts";
import { createToolSources } from "../../../src/tools/remote/create-tool-sources.ts";
import { createToolProvider, type ToolProvider } from "../../../src/tools/remote/tool-provider.ts";
import type { Tool } from "../../../src/tools/tool.ts";

export interface Connected {
  readonly provider: ToolProvider;
  /** Milliseconds; the test moves it. */
  now: number;
}

export function connect(
  variables: Readonly<Record<string, string>>,
  { builtIn = [], send = fetch }: { readonly builtIn?: readonly Tool[]; readonly send?: typeof fetch } = {},
): Connected {
  const connected = { now: 0 };
  const now = () => connected.now;
  const clock = { now, sleep: () => Promise.resolve() };
  const guard = createDeploymentGuard(variables, { fetch: (url, init) => send(url, init), now });
  const secretFor = createTenantSecrets(variables);
  const sources = createToolSources({ variables, secretFor, fetch: guard.fetch, clock, random: () => 0 });
  return Object.assign(connected, { provider: createToolProvider({ builtIn, sources, now }) });
}

export async function toolsOf({ provider }: Pick<Connected, "provider">, tenant = "acme"): Promise<readonly Tool[]> {
  return (await provider.toolsFor(tenant)).tools;
}

export function sourceOf({ provider }: Pick<Connected, "provider">, name: string, tenant = "acme") {
  return provider
    .toolsFor(tenant)
    .then(({ sources }) => sources.find((source) => source.name === name) ?? { state: "not there" });
}
