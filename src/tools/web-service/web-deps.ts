// What the tools that read the outside need: two guarded fetches, time, chance, a ranker and the block-list. They
// hold no state between calls and know no variable of the environment.

import type { Clock } from "../../engines/clock.ts";
import type { GuardedFetch } from "../../lib/guarded-fetch/guarded-fetch.ts";
import type { Ranker } from "../ranking/ranker.ts";
import type { Blocklist } from "./blocklist.ts";

export interface WebDeps {
  /** For addresses that a model or a service names. */
  readonly pages: GuardedFetch;
  /** For the services that the operator configured, which may be internal (a SearXNG of one's own). */
  readonly services: GuardedFetch;
  readonly clock: Pick<Clock, "now" | "sleep">;
  /** In [0, 1): jitter. */
  readonly random: () => number;
  readonly ranker: Ranker;
  readonly blocklist: Blocklist;
  /** Says who asks, as the services' rules of conduct want it. */
  readonly userAgent: string;
}
