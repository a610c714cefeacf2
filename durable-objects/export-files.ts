// The slice that makes one set of three files, from the first group after the set before it. It may be cut short
// anywhere and is then done again from its start with the same outcome: what it found wrong with a group is kept, what
// it had uploaded is thrown away.

import { parseAdvantageSpec } from "../src/training/advantage-spec.ts";
import type { Claim, ClaimedGroup, ClaimedRollout } from "../src/store/claims.ts";
import type { QuarantineReason, RolloutRows } from "../src/training/dataset/build-rows.ts";
import type { ClaimTerms } from "../src/training/dataset/claimed-group.ts";
import type { ExportDeps } from "./export-deps.ts";
import { claimTerms, gatherGroup, type GatheredGroup, keptRows, rereadRows } from "./export-group.ts";
import { readRecords, type ReadRollout, type RecordSource } from "./export-records.ts";
import { SetWriter } from "./export-set-writer.ts";
import type { ExportState } from "./export-store.ts";

/** Rows of D1 that are read at once: a few megabytes at most. */
const groupsPerPage = 50;

/** `closed`: there may be more. `last`: every group of the claim is in a file or set aside. */
export type SetOutcome = "closed" | "last";

interface SetJob {
  readonly deps: ExportDeps;
  readonly claimId: string;
  readonly terms: ClaimTerms;
  readonly source: RecordSource;
  readonly writer: SetWriter;
}

/** `spec` is the export's own, which need not be the claim's. */
export async function buildSet(deps: ExportDeps, state: ExportState, claim: Claim, spec: string): Promise<SetOutcome> {
  await abortUploads(deps, state);
  const sets = deps.progress.sets();
  const writer = new SetWriter(deps, state.dataset_id, sets.length);
  const job: SetJob = {
    deps,
    claimId: claim.claim_id,
    terms: claimTerms(claim, knownSpec(spec)),
    source: {
      bucket: deps.bucket,
      clock: deps.clock,
      isErased: (sessionId) => deps.isErased(claim.tenant, sessionId),
    },
    writer,
  };
  const { outcome, lastGroupId } = await fillSet(job, sets.at(-1)?.last_group_id ?? "");
  // The ledger is told before the set stands, so that a crash between the two repeats it.
  await deps.claims.quarantine(claim.claim_id, deps.progress.quarantined());
  const closed = await writer.close();
  if (closed !== null) {
    deps.progress.closeSet({ ordinal: sets.length, last_group_id: lastGroupId, ...closed });
  }
  return outcome;
}

/** Throws away what earlier tries have uploaded and not closed. To be repeated until it succeeds: then none is open. */
export async function abortUploads({ progress, files }: ExportDeps, state: ExportState): Promise<void> {
  for (const { path, uploadId } of progress.uploads()) {
    await files.abortUpload(state.dataset_id, path, uploadId);
  }
  progress.forgetUploads();
}

function knownSpec(text: string) {
  const spec = parseAdvantageSpec(text);
  if (!spec.ok) {
    throw new Error(`${text} is ${spec.error}`);
  }
  return spec.value;
}

async function fillSet(job: SetJob, after: string): Promise<{ outcome: SetOutcome; lastGroupId: string }> {
  const aside = job.deps.progress.quarantined();
  for (let lastGroupId = after; ;) {
    const { groups, isLast } = await job.deps.claims.page(job.claimId, lastGroupId, groupsPerPage);
    const usable = groups.filter(({ group }) => !aside.has(group.group_id));
    const reads = readRecords(
      job.source,
      usable.flatMap(({ rollouts }) => rollouts),
    );
    try {
      for (const { group, rollouts } of groups) {
        if (!aside.has(group.group_id)) {
          await addGroup(job, group, rollouts, reads);
        }
        lastGroupId = group.group_id;
        if (job.writer.isFull()) {
          return { outcome: "closed", lastGroupId };
        }
      }
    } finally {
      await reads.return(undefined);
    }
    if (isLast) {
      return { outcome: "last", lastGroupId };
    }
  }
}

async function addGroup(
  job: SetJob,
  group: ClaimedGroup,
  rollouts: readonly ClaimedRollout[],
  reads: AsyncGenerator<ReadRollout>,
): Promise<void> {
  const gathered = await gatherGroup(job.terms, group, rollouts, reads);
  if (!gathered.ok) {
    setAside(job, group, gathered.error);
    return;
  }
  const rows = keptRows(gathered.value);
  if (rows === null) {
    await addLargeGroup(job, gathered.value, rollouts);
  } else if (rows.ok) {
    await writeGroup(job, gathered.value, rows.value);
  } else {
    setAside(job, group, rows.error);
  }
}

function setAside({ deps }: SetJob, group: ClaimedGroup, reason: QuarantineReason): void {
  deps.progress.quarantine(new Map([[group.group_id, reason]]));
}

async function writeGroup({ writer }: SetJob, { derived }: GatheredGroup, rows: readonly RolloutRows[]): Promise<void> {
  await writer.addGroup(derived.row);
  for (const row of rows) {
    await writer.addRollout(row);
  }
}

/** Raised when rows of a group are in the file that should not be there: the set is begun anew without it. */
export class GroupBroke extends Error {
  constructor(groupId: string, reason: string) {
    super(`${groupId} broke while it was written: ${reason}`);
    this.name = "GroupBroke";
  }
}

async function addLargeGroup(job: SetJob, gathered: GatheredGroup, rollouts: readonly ClaimedRollout[]): Promise<void> {
  const claimed = new Map(rollouts.map((rollout) => [rollout.run_id, rollout]));
  const { group } = gathered.derived;
  await job.writer.addGroup(gathered.derived.row);
  for (const rollout of gathered.derived.rollouts) {
    const frozen = claimed.get(rollout.rollout.run_id);
    if (frozen === undefined) {
      throw new Error(`${rollout.rollout.run_id} is not in its claim`);
    }
    const rows = await rereadRows(job.source, gathered, rollout, frozen);
    if (!rows.ok) {
      job.deps.progress.quarantine(new Map([[group.group_id, rows.error]]));
      throw new GroupBroke(group.group_id, rows.error);
    }
    await job.writer.addRollout(rows.value);
  }
}
