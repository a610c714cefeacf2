// The rows of the ledger's table `rewards`: what came after a run's log was closed. Append-only; which of them is in
// force says reward-in-force.ts.

import * as z from "zod";
import { LateReward } from "../agent/run-object.ts";

/** A late reward as it is recorded; the same `delivery_key` twice is one row. */
export const NewReward = z.strictObject({
  ...LateReward.shape,
  tenant: z.string(),
  run_id: z.string(),
  delivery_key: z.string(),
});
export type NewReward = z.infer<typeof NewReward>;
