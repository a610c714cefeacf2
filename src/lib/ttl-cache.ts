// A small cache for facts that may be half a minute old: keys, the active policy, what endpoints can do. It is
// injected, bounded, and remembers that something does not exist. It keeps values, never promises: a promise
// belongs to the request that made it, and would hang the others if that request were cancelled.

export interface TtlCache<V> {
  /** The cached value, or what `load` gives; a failed load is not kept. */
  get(key: string, load: () => Promise<V>): Promise<V>;
  delete(key: string): void;
}

export interface TtlCacheOptions {
  /** Injected time, milliseconds. */
  readonly now: () => number;
  readonly ttlMs: number;
  /** Beyond this the entry that was loaded longest ago goes. */
  readonly maxEntries: number;
}

export function createTtlCache<V>(options: TtlCacheOptions): TtlCache<V> {
  const entries = new Map<string, { readonly value: V; readonly expiresAt: number }>();

  function remember(key: string, value: V): void {
    // Deleted first, so that the map's order is the order of loading.
    entries.delete(key);
    entries.set(key, { value, expiresAt: options.now() + options.ttlMs });
    const oldest = entries.keys().next().value;
    if (entries.size > options.maxEntries && oldest !== undefined) {
      entries.delete(oldest);
    }
  }

  return {
    async get(key, load) {
      const entry = entries.get(key);
      if (entry !== undefined && options.now() < entry.expiresAt) {
        return entry.value;
      }
      const value = await load();
      remember(key, value);
      return value;
    },
    delete: (key) => {
      entries.delete(key);
    },
  };
}
