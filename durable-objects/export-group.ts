// The rows of one claimed group, from its records. A group whose records fit into memory together is built before any
// of it is written; of a larger one each record is read a second time, after the group's numbers are known from what
// they depend on.

import type { AdvantageSpec } from "../src/training/advantage-spec.ts";
import { err, ok, type Result } from "../src/lib/result.ts";
import type { Claim, ClaimedGroup, ClaimedRollout } from "../src/store/claims.ts";
import { buildRolloutRows, type QuarantineReason, type RolloutRows } from "../src/training/dataset/build-rows.ts";
import type { ClaimTerms } from "../src/training/dataset/claimed-group.ts";
import { type DerivedGroup, type DerivedRollout, deriveGroup } from "../src/training/dataset/derive-group.ts";
import type { RecordInput } from "../src/training/dataset/record-input.ts";
import { rolloutFacts, type RolloutFacts } from "../src/training/dataset/rollout-facts.ts";
import { type ReadRollout, type RecordSource, rereadRecord } from "./export-records.ts";

/** As JSON; unpacked they take two or three times as much, beside a row group of 16 MB. */
const maxKeptBytes = 16 * 1024 * 1024;

export function claimTerms(claim: Claim, advantageSpec: AdvantageSpec): ClaimTerms {
  const { min_valid, allow_partial, max_staleness, pass_at } = claim.options;
  return {
    advantageSpec,
    minValid: min_valid,
    allowPartial: allow_partial,
    maxStaleness: max_staleness,
    passAt: pass_at,
    policyStep: claim.policy_step,
  };
}

export interface GatheredGroup {
  readonly derived: DerivedGroup;
  /** By run; those that are not here are read once more. */
  readonly records: ReadonlyMap<string, RecordInput | null>;
}

/** Takes the group's records off `reads`, all of them whatever the first says. */
export async function gatherGroup(
  terms: ClaimTerms,
  group: ClaimedGroup,
  rollouts: readonly ClaimedRollout[],
  reads: AsyncGenerator<ReadRollout>,
): Promise<Result<GatheredGroup, QuarantineReason>> {
  const records = new Map<string, RecordInput | null>();
  const facts: RolloutFacts[] = [];
  let reason: QuarantineReason | null = isErasedInPart(group, rollouts) ? "erased" : null;
  let keptBytes = 0;
  for (let count = 0; count < rollouts.length; count++) {
    const next = await reads.next();
    if (next.done === true) {
      throw new Error("the records ended before their group");
    }
    const { rollout, read } = next.value;
    if (!read.ok) {
      reason ??= read.error;
    } else if (reason === null) {
      const { record, bytes } = read.value;
      facts.push(rolloutFacts(rollout, record));
      keptBytes += bytes;
      if (keptBytes <= maxKeptBytes) {
        records.set(rollout.run_id, record);
      }
    }
  }
  return reason === null ? ok({ derived: deriveGroup(terms, group, facts), records }) : err(reason);
}

/** A complete group had a rollout at each index; one that is gone without a trace was erased before the claim. */
function isErasedInPart(group: ClaimedGroup, rollouts: readonly ClaimedRollout[]): boolean {
  return group.complete && new Set(rollouts.map((rollout) => rollout.rollout_index)).size < group.size_planned;
}

/** All at once; null where some record must be read again. */
export function keptRows({ derived, records }: GatheredGroup): Result<RolloutRows[], QuarantineReason> | null {
  if (derived.rollouts.some(({ rollout }) => !records.has(rollout.run_id))) {
    return null;
  }
  const rows: RolloutRows[] = [];
  for (const rollout of derived.rollouts) {
    const built = buildRolloutRows(derived, rollout, records.get(rollout.rollout.run_id) ?? null);
    if (!built.ok) {
      return built;
    }
    rows.push(built.value);
  }
  return ok(rows);
}

/** The rows of one rollout of a group that was too large to be kept; its record may have gone meanwhile. */
export async function rereadRows(
  source: RecordSource,
  { derived, records }: GatheredGroup,
  rollout: DerivedRollout,
  claimed: ClaimedRollout,
): Promise<Result<RolloutRows, QuarantineReason>> {
  const kept = records.get(claimed.run_id);
  if (kept !== undefined) {
    return buildRolloutRows(derived, rollout, kept);
  }
  const read = await rereadRecord(source, claimed);
  return read.ok ? buildRolloutRows(derived, rollout, read.value.record) : read;
}
