// Work that many tests share: begun by the first test that asks, a few at a time, each test waiting for its own.

export function lazily<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>) {
  const ends = new Map(items.map((item) => [item, Promise.withResolvers<R>()]));
  const waiting = [...items];
  let isStarted = false;
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      const end = ends.get(item);
      await work(item).then(end?.resolve, end?.reject);
    }
  };
  return (item: T): Promise<R> => {
    if (!isStarted) {
      isStarted = true;
      for (const { promise } of ends.values()) {
        // A failure is its own test's; before that test asks, it must not end the process.
        promise.catch(() => undefined);
      }
      for (let started = 0; started < width; started += 1) {
        void worker();
      }
    }
    return ends.get(item)?.promise ?? Promise.reject(new Error("this is none of the items"));
  };
}
