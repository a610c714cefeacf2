// The deadline of a test's clock, made of its sleep.

import type { Clock } from "../../src/engines/clock.ts";

export function afterBySleep(sleep: Clock["sleep"]): Clock["after"] {
  return (ms, fire) => {
    const stopped = new AbortController();
    const watch = async () => {
      await sleep(ms, stopped.signal);
      if (!stopped.signal.aborted) {
        fire();
      }
    };
    void watch();
    return () => {
      stopped.abort();
    };
  };
}
