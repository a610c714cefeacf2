// R2 and D1 as the session tests break them: writes that wait or fail, and a ledger that is not there. Every object
// of the test's isolate is affected; `vi.restoreAllMocks` ends what concerns R2.

import { env } from "cloudflare:workers";
import { onTestFinished, vi } from "vitest";

const bucketPrototype: R2Bucket = Object.getPrototypeOf(env.BUCKET);

export interface HeldPuts {
  /** Keys that were to be written, those outside the prefix included. */
  readonly keys: readonly string[];
  /** Keys that were written. */
  readonly written: readonly string[];
  release(): void;
  /** The writes that wait fail; later ones go through. */
  fail(error: Error): void;
}

/** Writes to R2 under `prefix` wait until they are released. */
export function holdPuts(prefix: string): HeldPuts {
  const go = Promise.withResolvers<Error | null>();
  // Read by reflection, because it is called with each bucket's own `this`.
  const realPut: unknown = Reflect.get(bucketPrototype, "put");
  const keys: string[] = [];
  const written: string[] = [];
  vi.spyOn(bucketPrototype, "put").mockImplementation(async function hold(this: R2Bucket, key: string, ...rest) {
    keys.push(key);
    if (key.startsWith(prefix)) {
      const fault = await go.promise;
      if (fault !== null) {
        throw fault;
      }
    }
    const put = typeof realPut === "function" ? await Reflect.apply(realPut, this, [key, ...rest]) : null;
    written.push(key);
    return put;
  });
  return {
    keys,
    written,
    release: () => go.resolve(null),
    fail: (error) => go.resolve(error),
  };
}

/** Every write to R2 fails until the returned function is called. */
export function losePuts(): () => void {
  const put = vi.spyOn(bucketPrototype, "put").mockRejectedValue(new Error("R2 is down"));
  return () => {
    put.mockRestore();
  };
}

/** D1 without one of its tables, until the returned function is called or the test ends. */
export async function loseTable(table: string): Promise<() => Promise<void>> {
  await env.DB.exec(`ALTER TABLE ${table} RENAME TO ${table}_away`);
  let isAway = true;
  const restore = async () => {
    if (isAway) {
      isAway = false;
      await env.DB.exec(`ALTER TABLE ${table}_away RENAME TO ${table}`);
    }
  };
  onTestFinished(restore);
  return restore;
}
