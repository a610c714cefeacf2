// Chooses who answers a call: a policy's own endpoint, the role's configured server, or the offline engine where
// the configuration says `offline` or nothing. A URL that is configured but unusable is an error, never a reason
// to answer offline instead.

import { unreachable } from "../lib/unreachable.ts";
import type { Config, EndpointChoice } from "./endpoints.ts";
import { readEndpoint } from "./endpoints.ts";
import { type ChatRequest, type Engine, Role } from "./engine.ts";
import { createHostedEngine, DEFAULT_TIMEOUT_MS, type HostedOptions } from "./hosted/engine.ts";

export interface RouterDeps extends Pick<HostedOptions, "capabilities" | "fetch" | "policyFetch" | "clock"> {
  readonly offline: Engine;
}

/** `config` is the Worker's variables; they are read once. */
export function createEngine(config: Config, deps: RouterDeps): Engine {
  const choices = new Map(Role.options.map((role) => [role, readEndpoint(config, role)]));
  const endpointOf = (role: Role): EndpointChoice => choices.get(role) ?? { kind: "offline" };
  const hosted = createHostedEngine({ ...deps, endpointOf, timeoutMs: readTimeoutMs(config) });
  const engineOf = (role: Role) => (endpointOf(role).kind === "offline" ? deps.offline : hosted);
  const serving = ({ role, policy }: ChatRequest) => {
    switch (policy?.kind) {
      case undefined:
        return engineOf(role);
      case "hosted":
        return hosted;
      case "offline":
        return deps.offline;
      default:
        return unreachable(policy);
    }
  };
  return {
    chat: (request, signal) => serving(request).chat(request, signal),
    modelOf: (role) => engineOf(role).modelOf(role),
  };
}

/** `ENGINE_TIMEOUT_SECONDS`; what is not a positive number means the default. */
export function readTimeoutMs(config: Config): number {
  const seconds = Number(config["ENGINE_TIMEOUT_SECONDS"] ?? "");
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : DEFAULT_TIMEOUT_MS;
}
