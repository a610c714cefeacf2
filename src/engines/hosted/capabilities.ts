// What an OpenAI-compatible server is known to refuse, per base URL and model, and the port through which it is
// remembered. Nothing is assumed about a server by its name: everything here was learnt from a refusal that a
// narrower request then avoided.

import * as z from "zod";

/** What a request may carry beyond model and messages; each can be left out, `max_tokens` is then renamed. */
export const Feature = z.enum([
  "return_token_ids",
  "logprobs",
  "top_k",
  "min_p",
  "repetition_penalty",
  "frequency_penalty",
  "presence_penalty",
  "json_schema",
  "json_object",
  "stream_options",
  "seed",
  "top_p",
  "temperature",
  "stream",
  "max_tokens",
]);
export type Feature = z.infer<typeof Feature>;

/** As stored; `version` is for later shapes. */
export const Capabilities = z.strictObject({
  version: z.literal(1),
  refused: z.array(Feature),
  /** Milliseconds since the epoch. */
  learnedAt: z.number(),
});
export type Capabilities = z.infer<typeof Capabilities>;

/** A fault of the store costs a new negotiation, never the call: `get` and `put` may reject. */
export interface CapabilityStore {
  get(key: string): Promise<Capabilities | null>;
  put(key: string, value: Capabilities): Promise<void>;
}

export function capabilityKey(baseUrl: string, model: string): string {
  return `${baseUrl}#${model}`;
}

/** For plain Node and tests; forgets with the process. */
export function createMemoryCapabilityStore(): CapabilityStore {
  const known = new Map<string, Capabilities>();
  return {
    get: (key) => Promise.resolve(known.get(key) ?? null),
    put: (key, value) => {
      known.set(key, value);
      return Promise.resolve();
    },
  };
}

/** A server that was upgraded overnight is asked for everything again; that costs it a few 400s a day. */
const MAX_AGE_MS = 24 * 60 * 60 * 1_000;

export async function readRefused(store: CapabilityStore, key: string, now: number): Promise<ReadonlySet<Feature>> {
  try {
    const known = await store.get(key);
    return new Set(known !== null && now - known.learnedAt < MAX_AGE_MS ? known.refused : []);
  } catch {
    // Not knowing is always safe: the server is asked again.
    return new Set();
  }
}

export async function rememberRefused(
  store: CapabilityStore,
  key: string,
  refused: ReadonlySet<Feature>,
  now: number,
): Promise<void> {
  try {
    await store.put(key, { version: 1, refused: Feature.options.filter((one) => refused.has(one)), learnedAt: now });
  } catch {
    // The call has succeeded; the next one pays for the negotiation once more.
  }
}
