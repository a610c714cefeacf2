// Which server, model and key serve each role, read from plain configuration. A key goes only to the host it was
// configured with: a role with its own URL and no key of its own is called without one, never with the common key.

import * as z from "zod";
import { normaliseBaseUrl } from "../lib/base-url.ts";
import type { ReplyTokens, Role } from "./engine.ts";

export type Config = Readonly<Record<string, string | undefined>>;

export type LogprobsMode = ReplyTokens["logprobs_mode"];

export interface Endpoint {
  /** Without a trailing slash, e.g. `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  readonly apiKey: string | null;
  /** Whether this server's log-probs are taken after temperature and the other processors. */
  readonly logprobsMode: LogprobsMode;
}

/** `offline` also covers a role for which nothing is configured. */
export type EndpointChoice =
  | { readonly kind: "hosted"; readonly endpoint: Endpoint }
  | { readonly kind: "offline" }
  | { readonly kind: "invalid"; readonly detail: string };

const OFFLINE = "offline";

export function readEndpoint(config: Config, role: Role): EndpointChoice {
  const prefix = role.toUpperCase();
  const ownUrl = setting(config, `${prefix}_BASE_URL`);
  const baseUrl = ownUrl ?? setting(config, "INFERENCE_BASE_URL");
  if (baseUrl === null || baseUrl.toLowerCase() === OFFLINE) {
    return { kind: "offline" };
  }
  const from = ownUrl === null ? "INFERENCE_BASE_URL" : `${prefix}_BASE_URL`;
  const url = normaliseBaseUrl(baseUrl);
  if (!url.ok) {
    return { kind: "invalid", detail: `${from} ${url.error}` };
  }
  const model = setting(config, `${prefix}_MODEL`) ?? setting(config, "INFERENCE_MODEL");
  if (model === null) {
    return { kind: "invalid", detail: `${from} is set, but neither ${prefix}_MODEL nor INFERENCE_MODEL is` };
  }
  // What belongs to the common endpoint (its key, its log-probs) is inherited only together with its URL.
  const inherited = ownUrl === null ? "INFERENCE" : prefix;
  return {
    kind: "hosted",
    endpoint: {
      baseUrl: url.value,
      model,
      apiKey: setting(config, `${prefix}_API_KEY`) ?? setting(config, `${inherited}_API_KEY`),
      logprobsMode: logprobsMode(config, prefix, inherited),
    },
  };
}

/** Empty = unset, so that a variable can be switched off where it cannot be removed. */
function setting(config: Config, name: string): string | null {
  const value = config[name]?.trim();
  return value === undefined || value === "" ? null : value;
}

const Mode = z.enum(["processed", "raw", "unknown"]).catch("unknown");

function logprobsMode(config: Config, prefix: string, inherited: string): LogprobsMode {
  const value = setting(config, `${prefix}_LOGPROBS_MODE`) ?? setting(config, `${inherited}_LOGPROBS_MODE`);
  return Mode.parse(value?.toLowerCase());
}
