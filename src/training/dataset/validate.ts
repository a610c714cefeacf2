// The validator of DATASET's six rules. It reads a dataset's files through byte ranges, one row group at a time, and
// says what is broken where; it repairs nothing. A file whose hash is not the manifest's is not read any further.

import type { z } from "zod";
import { type AdvantageSpec, parseAdvantageSpec } from "../advantage-spec.ts";
import { checkBytes, checkTable, type FileCheck } from "./check-file.ts";
import { CheckedTurn, checkedColumns } from "./check-rollout.ts";
import type { Codecs } from "./codecs.ts";
import { columnsOf, GroupTableRow, RolloutTableRow, Table } from "./columns.ts";
import { type DatasetSource, WatchedSource } from "./dataset-source.ts";
import { filePath } from "./file-plan.ts";
import { type Finding, Findings } from "./findings.ts";
import { type DatasetFile, Manifest } from "./manifest.ts";
import type { TableFile } from "./read-table.ts";
import { RowCursor } from "./row-cursor.ts";
import { SeenIds, walkSet } from "./walk-set.ts";

export interface ValidationReport {
  readonly valid: boolean;
  /** The first ones. */
  readonly findings: readonly Finding[];
  readonly total: number;
}

export const manifestPath = "manifest.json";
const maxManifestBytes = 16 * 1024 * 1024;

/** A whole dataset, from its manifest on. Throws what the source throws. */
export async function validateDataset(source: DatasetSource, codecs: Codecs): Promise<ValidationReport> {
  const watched = new WatchedSource(source);
  const findings = new Findings();
  const manifest = await readManifest(watched, findings);
  const spec = parseAdvantageSpec(manifest?.advantage_spec ?? "");
  if (manifest === null || !spec.ok) {
    return toReport(findings);
  }
  const check = { source: watched, codecs, findings };
  const seen = new SeenIds();
  for (const set of splitSets(manifest, findings)) {
    await checkSet(check, set, spec.value, seen);
  }
  for (const file of manifest.files.filter(({ table }) => table === null)) {
    await checkBytes(check, file);
  }
  return toReport(findings);
}

export interface SetValidation {
  readonly source: DatasetSource;
  readonly codecs: Codecs;
  readonly spec: AdvantageSpec;
  /** Turns, rollouts and groups of one set, as its writer gave them. */
  readonly files: readonly DatasetFile[];
}

/** One set by itself, before there is a manifest; ids that other sets have too are found by the whole alone. */
export async function validateSet({ source, codecs, spec, files }: SetValidation): Promise<ValidationReport> {
  const findings = new Findings();
  await checkSet({ source: new WatchedSource(source), codecs, findings }, files, spec, new SeenIds());
  return toReport(findings);
}

function toReport({ kept, total }: Findings): ValidationReport {
  return { valid: total === 0, findings: kept, total };
}

async function readManifest(source: WatchedSource, findings: Findings): Promise<Manifest | null> {
  const reader = await source.open(manifestPath);
  if (reader === null || reader.byteLength > maxManifestBytes) {
    findings.add("manifest", manifestPath, reader === null ? "there is none" : "it is larger than 16 MiB");
    return null;
  }
  const text = new TextDecoder().decode(await reader.read(0, reader.byteLength));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    findings.add("manifest", manifestPath, "it is not JSON");
    return null;
  }
  const parsed = Manifest.safeParse(value);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      findings.add("manifest", manifestPath, `${issue.path.join(".")}: ${issue.message}`);
    }
    return null;
  }
  checkCounts(parsed.data, findings);
  return parsed.data;
}

function checkCounts({ counts, files }: Manifest, findings: Findings): void {
  for (const table of Table.options) {
    const rows = files.reduce((sum, file) => sum + (file.table === table ? (file.rows ?? 0) : 0), 0);
    if (rows !== counts[table]) {
      findings.add("manifest", manifestPath, `counts.${table} is ${counts[table]}, and its files have ${rows} rows`);
    }
  }
}

/** The files of each set, in order; names that are not the contract's are findings. */
function splitSets({ files }: Manifest, findings: Findings): DatasetFile[][] {
  const tables = files.filter(({ table }) => table !== null);
  const byPath = new Map(tables.map((file) => [file.path, file]));
  const sets: DatasetFile[][] = [];
  let found = 0;
  for (let index = 0; found < byPath.size; index += 1) {
    const set = Table.options.flatMap((table) => byPath.get(filePath(table, index)) ?? []);
    if (set.length === 0) {
      break;
    }
    sets.push(set);
    found += set.length;
  }
  if (found !== tables.length || sets.some((set) => set.some(({ path, table }) => path.split("-")[0] !== table))) {
    findings.add("manifest", manifestPath, "files are not numbered turns-00000, rollouts-00000, groups-00000 and on");
  }
  return sets;
}

async function checkSet(
  check: FileCheck,
  files: readonly DatasetFile[],
  spec: AdvantageSpec,
  seen: SeenIds,
): Promise<void> {
  const { source, findings } = check;
  const fileOf = (table: Table) => files.find((file) => file.table === table);
  const path = (table: Table) => fileOf(table)?.path ?? table;
  const open = async (table: Table) => {
    const file = fileOf(table);
    if (file === undefined) {
      findings.add("manifest", manifestPath, `a set has no file of ${table}`);
      return null;
    }
    return checkTable(check, table, file);
  };
  const [turns, rollouts, groups] = [await open("turns"), await open("rollouts"), await open("groups")];
  if (turns === null || rollouts === null || groups === null) {
    return;
  }
  const cursor = <T>(table: Table, file: TableFile, schema: z.ZodType<T>) =>
    new RowCursor({ path: path(table), file, schema, columns: columnsOf(table).map(({ name }) => name) });
  await source.reading(findings, path("turns"), () =>
    walkSet({
      turns: new RowCursor({ path: path("turns"), file: turns, schema: CheckedTurn, columns: checkedColumns }),
      rollouts: cursor("rollouts", rollouts, RolloutTableRow),
      groups: cursor("groups", groups, GroupTableRow),
      path,
      spec,
      seen,
      findings,
    }),
  );
}
