// The slice that reads one set of files back from R2 and has the validator judge it. A group that breaks a rule is
// named with the rule; a file that is not what was written is named for itself. Nothing is put right here.

import { parseAdvantageSpec } from "../src/training/advantage-spec.ts";
import { QuarantineReason } from "../src/training/dataset/build-rows.ts";
import type { Finding } from "../src/training/dataset/findings.ts";
import { validateSet } from "../src/training/dataset/validate.ts";
import type { ExportDeps } from "./export-deps.ts";
import type { ClosedSet } from "./export-store.ts";

export type Verdict =
  | { readonly kind: "valid" }
  /** These groups are to be set aside, each with the first rule that it broke. */
  | { readonly kind: "groups"; readonly reasons: ReadonlyMap<string, QuarantineReason>; readonly detail: string }
  | { readonly kind: "file"; readonly detail: string };

export async function judgeSet(
  deps: Pick<ExportDeps, "files" | "codecs">,
  datasetId: string,
  specName: string,
  set: ClosedSet,
): Promise<Verdict> {
  const spec = parseAdvantageSpec(specName);
  if (!spec.ok) {
    throw new Error(`${specName} is ${spec.error}`);
  }
  const source = {
    async open(path: string) {
      const byteLength = await deps.files.size(datasetId, path);
      if (byteLength === null) {
        return null;
      }
      const read = async (start: number, end: number) =>
        new Uint8Array(await deps.files.readRange(datasetId, path, start, end));
      return { byteLength, read };
    },
  };
  const report = await validateSet({ source, codecs: deps.codecs, spec: spec.value, files: set.files });
  return report.valid ? { kind: "valid" } : toVerdict(report.findings);
}

/** A finding that names no group, or no rule of a group, is about the file. */
function toVerdict(findings: readonly Finding[]): Verdict {
  const reasons = new Map<string, QuarantineReason>();
  for (const finding of findings) {
    const reason = QuarantineReason.safeParse(finding.rule);
    if (finding.group_id === null || !reason.success) {
      return { kind: "file", detail: toSentence(finding) };
    }
    if (!reasons.has(finding.group_id)) {
      reasons.set(finding.group_id, reason.data);
    }
  }
  const [first] = findings;
  return first === undefined
    ? { kind: "file", detail: "The validator refused the file and did not say why." }
    : { kind: "groups", reasons, detail: toSentence(first) };
}

function toSentence({ rule, file, group_id, rollout_id, detail }: Finding): string {
  return `${rule} in ${file}${group_id === null ? "" : `, ${rollout_id ?? group_id}`}: ${detail}`.slice(0, 1000);
}
