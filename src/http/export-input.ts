// From the request for an export to what is stored with it: defaults filled in, names looked up. A batch, dataset
// or policy that is not the tenant's is refused here, so that `empty` always means that there was nothing to claim.

import * as z from "zod";
import { isId } from "../lib/ids.ts";
import { defaultAdvantageSpec, formatAdvantageSpec, parseAdvantageSpec } from "../training/advantage-spec.ts";
import { defaultPassAt, type ExportRequest } from "../training/export-request.ts";
import { callBatch } from "./call-batch.ts";
import { invalidField } from "./problem.ts";
import type { Services } from "./services.ts";

export const CreateExport = z
  .strictObject({
    advantage_spec: z
      .string()
      .max(100)
      .refine((text) => parseAdvantageSpec(text).ok, "Must be grpo/<trajectory|turn>/std=<n-1|n|none>/eps=<number>.")
      .optional()
      .describe("How advantages are made; absent = grpo/trajectory/std=n-1/eps=1e-6."),
    batch_id: z.string().min(1).max(64).optional().describe("Only groups of this batch."),
    policy_version: z.string().min(1).max(256).optional().describe("Only groups of this planner version."),
    min_valid: z
      .int()
      .min(2)
      .max(10_000)
      .optional()
      .describe("Valid rollouts that a group needs for advantages; absent = max(2, half of its size)."),
    allow_partial: z.boolean().optional().describe("Take groups whose batch ended without them, too."),
    max_staleness: z
      .int()
      .min(0)
      .max(1_000_000)
      .optional()
      .describe("Groups more policy steps behind the active one get no advantages; absent = the deployment's, 4."),
    pass_at: z.number().optional().describe("`pass_rate` counts rewards from here on; absent = 1."),
    from_dataset: z
      .string()
      .max(64)
      .optional()
      .describe("Make another dataset from the claim of this one, with another `advantage_spec`."),
  })
  .check((context) => {
    if (context.value.from_dataset === undefined) {
      return;
    }
    for (const [field, value] of Object.entries(context.value)) {
      if (value !== undefined && field !== "from_dataset" && field !== "advantage_spec") {
        const message = "The claim of `from_dataset` has settled this; send `advantage_spec` alone.";
        context.issues.push({ code: "custom", input: value, path: [field], message });
      }
    }
  });
export type CreateExport = z.infer<typeof CreateExport>;

function specName(text: string | undefined): string {
  const parsed = text === undefined ? null : parseAdvantageSpec(text);
  return formatAdvantageSpec(parsed?.ok === true ? parsed.value : defaultAdvantageSpec);
}

export function toRequest(services: Services, body: CreateExport): ExportRequest {
  const advantage_spec = specName(body.advantage_spec);
  if (body.from_dataset !== undefined) {
    return { kind: "from_dataset", advantage_spec, dataset_id: body.from_dataset };
  }
  return {
    kind: "claim",
    advantage_spec,
    options: {
      min_valid: body.min_valid ?? null,
      allow_partial: body.allow_partial ?? false,
      max_staleness: body.max_staleness ?? services.config.maxPolicyStaleness,
      pass_at: body.pass_at ?? defaultPassAt,
    },
    batch_id: body.batch_id ?? null,
    policy_version: body.policy_version ?? null,
    closed_before: null,
  };
}

export async function checkNames(services: Services, tenant: string, request: ExportRequest): Promise<void> {
  if (request.kind === "from_dataset") {
    const dataset = await services.datasets.find(tenant, request.dataset_id);
    if (dataset === null || dataset.deleted_at !== null) {
      throw invalidField("unknown_dataset", "from_dataset", "unknown_dataset", "There is no such dataset.");
    }
    return;
  }
  const batchId = request.batch_id;
  if (batchId !== null && !(await isBatch(services, tenant, batchId))) {
    throw invalidField("invalid_request", "batch_id", "unknown_batch", "There is no such batch.");
  }
  const version = request.policy_version;
  if (version !== null && !(await isPolicy(services, tenant, version))) {
    const detail = "There is no such policy, and none of your groups was played by one.";
    throw invalidField("unknown_policy", "policy_version", "unknown_policy", detail);
  }
}

/** A version that serves, or that did: the configured planner of an earlier deployment is registered nowhere. */
async function isPolicy(services: Services, tenant: string, version: string): Promise<boolean> {
  return (
    (await services.policies.resolve(tenant, version)) !== null || (await services.groups.isPlayedBy(tenant, version))
  );
}

async function isBatch(services: Services, tenant: string, batchId: string): Promise<boolean> {
  if (!isId("bat", batchId)) {
    return false;
  }
  const found = await callBatch(services, { tenant, batchId }, (batch) => batch.getBatch());
  return found.kind !== "unknown";
}
