// Polling, the only kind of waiting in the black-box lane: a condition is asked for until it holds, and a test
// that never sees it fails with the condition's name.

const pollMs = 25;

/** The first value that is not null or false. Rejects after `timeoutMs`, and at once if `probe` rejects. */
export async function until<T>(what: string, probe: () => Promise<T | null | false>, timeoutMs = 60_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== null && value !== false) {
      return value;
    }
    if (performance.now() > deadline) {
      throw new Error(`within ${timeoutMs} ms it did not happen that ${what}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, pollMs);
    });
  }
}
