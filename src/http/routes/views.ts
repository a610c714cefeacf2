// GET /v1/datasets/{id}/views/{view}: a frozen dataset in the form that a trainer reads, as JSON Lines. What is left
// out is counted in a header before the first line; whatever fails before that is a problem, later a cut stream.

import * as z from "zod";
import { unreachable } from "../../lib/unreachable.ts";
import { zstdCodecs } from "../../training/dataset/codecs.ts";
import { Table } from "../../training/dataset/columns.ts";
import type { Manifest } from "../../training/dataset/manifest.ts";
import { Fold } from "../../training/views/fold.ts";
import { toLineStream } from "../../training/views/line-stream.ts";
import { createParquetSource } from "../../training/views/parquet-source.ts";
import { LeftOutReason } from "../../training/views/rl-row.ts";
import { SftRow } from "../../training/views/sft-row.ts";
import { TrlRow } from "../../training/views/trl-row.ts";
import { isVerlSpec, VerlRow } from "../../training/views/verl-row.ts";
import { openView, type View, type ViewRequest } from "../../training/views/view.ts";
import { type App, type Call, mount } from "../mount.ts";
import { HttpError, invalidField } from "../problem.ts";
import { defineRoute, noBody } from "../route.ts";
import type { Services } from "../services.ts";
import { IdParam } from "../wire.ts";
import { readManifest, requireDataset } from "./datasets.ts";

const ViewName = z.enum(["jsonl", "verl", "trl", "sft"]);

const minReward = z
  .string()
  .regex(/^-?\d{1,15}(\.\d{1,15})?$/, "Must be a number.")
  .transform(Number);

const ViewQuery = z.strictObject({
  table: Table.optional().describe("Of `jsonl`: which table; `turns` unless set."),
  include: z
    .enum(["unchecked"])
    .optional()
    .describe("Of `verl` and `trl`: also turns of which it is not known what their log-probs are of."),
  fold: Fold.optional().describe("Of `trl`: `eq5` writes advantages by which a token mean is the paper's Eq. 5."),
  min_reward: minReward.optional().describe("Of `sft`: the least reward; the dataset's `pass_at` unless set."),
});
type ViewQuery = z.infer<typeof ViewQuery>;

const leftOutHeader = "x-agentflow-left-out";

export const viewRoute = defineRoute({
  id: "getDatasetView",
  method: "get",
  path: "/v1/datasets/{id}/views/{view}",
  tag: "Datasets",
  summary: "The dataset as JSON Lines, in the form that a trainer reads",
  description:
    "`jsonl` is a table as it is. `verl` and `trl` have one line for each turn that a policy gradient may be computed " +
    "from, `sft` one for each turn of a valid rollout with reward enough. A stream that is cut has no last line break.",
  access: "datasets",
  params: IdParam.extend({ view: ViewName }),
  query: ViewQuery,
  body: noBody,
  replies: {
    200: {
      description: "One JSON value a line.",
      content: { "application/x-ndjson": z.union([z.record(z.string(), z.unknown()), VerlRow, TrlRow, SftRow]) },
      headers: { [leftOutHeader]: `Turns that are left out, by reason, as JSON: ${LeftOutReason.options.join(", ")}.` },
    },
  },
  problems: ["view_not_possible"],
});

const parametersOf: Readonly<Record<z.infer<typeof ViewName>, readonly (keyof ViewQuery)[]>> = {
  jsonl: ["table"],
  verl: ["include"],
  trl: ["include", "fold"],
  sft: ["min_reward"],
};

type ViewCall = Call<typeof viewRoute.params, typeof viewRoute.query, typeof noBody>;

/** Everything that can be wrong with a request before the dataset is known. */
function refuseForeignParameters({ params, query }: ViewCall): void {
  const known: readonly string[] = parametersOf[params.view];
  const foreign = Object.keys(query).find((name) => !known.includes(name));
  if (foreign !== undefined) {
    throw invalidField(
      "invalid_request",
      foreign,
      "unknown_parameter",
      `The view ${params.view} has no such parameter.`,
    );
  }
}

function toRequest({ params, query }: ViewCall, manifest: Manifest): ViewRequest {
  const include = query.include ?? "checked";
  switch (params.view) {
    case "jsonl":
      return { view: "jsonl", table: query.table ?? "turns" };
    case "verl":
      if (!isVerlSpec(manifest.advantage_spec)) {
        throw new HttpError(
          "view_not_possible",
          `verl computes advantages itself and would not find those of ${manifest.advantage_spec}. Export the set ` +
            "again with from_dataset and grpo/trajectory/std=n-1/eps=1e-6, or with std=none.",
        );
      }
      return { view: "verl", include };
    case "trl":
      return { view: "trl", include, fold: query.fold ?? null };
    case "sft":
      return { view: "sft", minReward: query.min_reward ?? manifest.pass_at };
    default:
      return unreachable(params.view);
  }
}

/** The first row group is read before the reply begins, so that a dataset that cannot be read is a problem. */
async function begun(rows: View["rows"]): Promise<View["rows"]> {
  const first = await rows.next();
  async function* all() {
    try {
      if (first.done !== true) {
        yield first.value;
      }
      yield* rows;
    } finally {
      await rows.return(undefined);
    }
  }
  return all();
}

async function sendView(call: ViewCall): Promise<Response> {
  const { services, params, request } = call;
  refuseForeignParameters(call);
  const manifest = await readManifest(services, await requireDataset(services, call.principal.tenant, params.id));
  const wanted = toRequest(call, manifest);
  const readRange = async (path: string, start: number, end: number): Promise<Uint8Array> => {
    request.signal.throwIfAborted();
    return new Uint8Array(await services.datasetFiles.readRange(params.id, path, start, end));
  };
  const view = await openView(createParquetSource(manifest, readRange, zstdCodecs), wanted);
  const headers = {
    "content-type": "application/x-ndjson",
    "cache-control": "private, no-transform",
    [leftOutHeader]: JSON.stringify(view.leftOut),
  };
  if (request.method === "HEAD") {
    await view.rows.return(undefined);
    return new Response(null, { headers });
  }
  return new Response(toLineStream(await begun(view.rows)), { headers });
}

export function mountViews(app: App, services: Services): void {
  mount(app, services, viewRoute, sendView);
}
