// What one run of the bare loop does, recorded from a run of the service: the same requests in the same order, and
// after each the same rows of the same sizes.

import * as z from "zod";

/** The two text columns of one row of a log. */
const Row = z.strictObject({ body: z.string(), detail: z.string().nullable() });
export type Row = z.infer<typeof Row>;

/** Rows of one transaction. */
const Commit = z.array(Row);

export const Plan = z.strictObject({
  /** Ends in `/chat/completions`. */
  url: z.string(),
  /** Committed before the first call. */
  before: z.array(Commit),
  /** Each call, and the transaction that follows it. */
  calls: z.array(z.strictObject({ headers: z.record(z.string(), z.string()), body: z.string(), rows: Commit })),
  /** Put into R2 when the run has ended. */
  record: z.string(),
  ledger: z.strictObject({
    /** Statements that make the table. */
    schema: z.array(z.string()),
    /** One insert; its first parameter is the run's id. */
    insert: z.string(),
    values: z.array(z.union([z.string(), z.number(), z.null()])),
  }),
});
export type Plan = z.infer<typeof Plan>;
