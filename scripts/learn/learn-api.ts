// The service's HTTP API as the learning command uses it: JSON in, checked JSON out, bytes of files. Every request
// has a time limit, and an answer that is no success is an error that shows the problem document.

import type * as z from "zod";

/** The weights file that goes up, or a file of a dataset that comes down. */
const requestMs = 120_000;

export interface Api {
  get<T>(path: string, schema: z.ZodType<T>): Promise<T>;
  post<T>(path: string, schema: z.ZodType<T>, body: unknown): Promise<T>;
  put(path: string, body: unknown): Promise<void>;
  bytes(path: string): Promise<Uint8Array>;
}

/** `key` is for a service that asks for one. */
export function createApi(baseUrl: string, key: string | null = null): Api {
  const send = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(requestMs),
    });
    if (!response.ok) {
      throw new Error(`${method} ${path} answered ${response.status}: ${(await response.text()).slice(0, 500)}`);
    }
    return response;
  };
  return {
    get: async (path, schema) => schema.parse(await (await send("GET", path)).json()),
    post: async (path, schema, body) => schema.parse(await (await send("POST", path, body)).json()),
    async put(path, body) {
      await (await send("PUT", path, body)).body?.cancel();
    },
    bytes: async (path) => new Uint8Array(await (await send("GET", path)).arrayBuffer()),
  };
}
