// A pure function that remembers what it gave for its last arguments. It holds a bounded number of them, the ones used
// last, and hands out the same value each time: it must not be changed.

export function memo<V>(compute: (key: string) => V, maxEntries: number): (key: string) => V {
  const known = new Map<string, { readonly value: V }>();
  return (key) => {
    const entry = known.get(key) ?? { value: compute(key) };
    // Deleted first, so that the first in the map is the one whose last use lies furthest back.
    known.delete(key);
    known.set(key, entry);
    const [oldest] = known.size > maxEntries ? known.keys() : [];
    if (oldest !== undefined) {
      known.delete(oldest);
    }
    return entry.value;
  };
}
