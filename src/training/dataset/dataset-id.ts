// A dataset's id: a hash of what the claim froze, so that the same claim under the same rule always has the same id,
// and another reward, record, rule or schema another one. It takes rollouts one by one, in the dataset's order.

import { Buffer } from "node:buffer";
import { canonicalJson } from "../../lib/canonical-json.ts";
import { hashedId } from "../../lib/ids.ts";
import type { ClaimedRollout } from "./claimed-group.ts";
import type { Codecs } from "./codecs.ts";
import { SCHEMA_VERSION } from "./columns.ts";

export interface DatasetIdentity {
  readonly dataset_id: string;
  /** Of the claim's content, from which the id is made. */
  readonly claim_sha256: string;
}

export interface ClaimHasher {
  /** By group id, rollout index and attempt. */
  add(rollout: Pick<ClaimedRollout, "run_id" | "record_sha256" | "reward">): void;
  identity(): DatasetIdentity;
}

/** `advantageSpec` is the rule's canonical name. */
export function createClaimHasher(advantageSpec: string, codecs: Pick<Codecs, "sha256">): ClaimHasher {
  const hash = codecs.sha256();
  const encoder = new TextEncoder();
  const line = (value: unknown) => hash.update(encoder.encode(`${canonicalJson(value)}\n`));
  line({ advantage_spec: advantageSpec, schema_version: SCHEMA_VERSION });
  return {
    add: ({ run_id, record_sha256, reward }) => line([run_id, record_sha256, reward]),
    identity() {
      const claim_sha256 = hash.digest();
      return { dataset_id: hashedId("ds", Buffer.from(claim_sha256, "hex")), claim_sha256 };
    },
  };
}
