// From the request for a batch, in either of its forms, to its options and its tasks one by one. A task that could not
// be scored or that repeats another's id is refused, with the place where it stands.

import { defaultLimits, type Reference } from "../agent/run-spec.ts";
import { maxRollouts, maxTasks } from "../training/batch-plan.ts";
import type { BatchSpec, BatchTask } from "../training/batch-spec.ts";
import { checkReference } from "./check-reference.ts";
import { checkPlainBody, mediaTypeOf, readJsonBody } from "./body.ts";
import { validate } from "./mount.ts";
import { lineError, parseLine, readLines } from "./ndjson.ts";
import { HttpError, invalidField, invalidRequest } from "./problem.ts";
import { CreateRollouts, RolloutOptions, type RolloutsQuery, RolloutTask } from "./rollout-wire.ts";
import type { Services } from "./services.ts";
import { resolvePolicy } from "./solve-input.ts";
import { chooseTools } from "./tool-catalogue.ts";

/** Parsed whole: an isolate has 128 MB, and values take several times their text. */
export const maxJsonBytes = 8 * 1_048_576;
/** Read line by line: bounded by the time a request may take, not by memory. */
export const lineLimits = { maxBodyBytes: 64 * 1_048_576, maxLineBytes: 262_144 };
/** DESIGN section 3: rollouts explore. */
const defaultTemperature = 0.7;

/** A task and where its caller finds it. */
interface PlacedTask {
  readonly task: RolloutTask;
  readonly fault: (member: string, code: string, detail: string) => HttpError;
}

export interface RolloutsAsked {
  readonly options: RolloutOptions;
  /** To be read once. Throws 4xx. */
  readonly tasks: AsyncIterable<BatchTask>;
}

export async function readRollouts(services: Services, request: Request, query: RolloutsQuery): Promise<RolloutsAsked> {
  const mediaType = mediaTypeOf(request);
  if (mediaType === "application/x-ndjson" || mediaType === "application/ndjson") {
    checkPlainBody(request, lineLimits.maxBodyBytes);
    const options = validate(RolloutOptions, fromQuery(query), "parameter");
    return { options, tasks: toTasks(services, placedLines(request), options.group_size) };
  }
  if (mediaType !== "application/json") {
    throw new HttpError("unsupported_media_type", "Send `application/json` or `application/x-ndjson`.");
  }
  const [parameter] = Object.keys(query);
  if (parameter !== undefined) {
    throw invalidField("invalid_request", parameter, "conflict", "With a JSON body the options are in the body.");
  }
  const { tasks, ...options } = validate(CreateRollouts, await readJsonBody(request, maxJsonBytes), "field");
  return { options, tasks: toTasks(services, placedItems(tasks), options.group_size) };
}

/** Flat as a query string is. */
function fromQuery(query: RolloutsQuery): unknown {
  const { temperature, top_p, max_turns, max_seconds, max_tokens, tools, ...rest } = query;
  const named = tools?.split(",").map((name) => name.trim());
  return {
    ...rest,
    sampling: { temperature, top_p },
    limits: { max_turns, max_seconds, max_tokens },
    ...(named === undefined ? {} : { tools: named }),
  };
}

function* placedItems(tasks: readonly RolloutTask[]): Generator<PlacedTask> {
  for (const [index, task] of tasks.entries()) {
    const fault = (member: string, code: string, detail: string) => {
      const field = member === "$" ? `tasks[${index}]` : `tasks[${index}].${member}`;
      return invalidField("invalid_request", field, code, detail);
    };
    yield { task, fault };
  }
}

async function* placedLines(request: Request): AsyncGenerator<PlacedTask> {
  if (request.body === null) {
    return;
  }
  for await (const line of readLines(request.body, lineLimits)) {
    const fault = (member: string, code: string, detail: string) => {
      const field = member === "$" ? `line ${line.number}` : `line ${line.number}: ${member}`;
      return invalidField("invalid_request", field, code, detail);
    };
    const parsed = RolloutTask.safeParse(parseLine(line), { reportInput: true });
    if (!parsed.success) {
      throw inLine(line.number, invalidRequest(parsed.error, "field"));
    }
    if (JSON.stringify(parsed.data).length > lineLimits.maxLineBytes) {
      throw lineError(line.number, "too_big", "This task is too large.");
    }
    yield { task: parsed.data, fault };
  }
}

function inLine(line: number, { errors }: HttpError): HttpError {
  const placed = errors.map(({ field, ...error }) => ({
    field: field === "$" ? `line ${line}` : `line ${line}: ${field}`,
    ...error,
  }));
  return new HttpError("invalid_request", `Not valid: line ${line}.`, { errors: placed });
}

async function* toTasks(
  services: Services,
  placed: Iterable<PlacedTask> | AsyncIterable<PlacedTask>,
  groupSize: number,
): AsyncGenerator<BatchTask> {
  const seen = new Set<string>();
  for await (const { task, fault } of placed) {
    const task_id = task.id ?? `task-${seen.size}`;
    if (seen.has(task_id)) {
      throw fault("id", "duplicate", `Another task has the id ${task_id}.`);
    }
    seen.add(task_id);
    if (seen.size > maxTasks || seen.size * groupSize > maxRollouts) {
      throw fault("$", "too_big", `A batch may have ${maxTasks} tasks and ${maxRollouts} rollouts at most.`);
    }
    yield { task_id, query: task.query, reference: toReference(services, task, fault), metadata: task.metadata };
  }
  if (seen.size === 0) {
    throw invalidField("invalid_request", "tasks", "too_small", "Send at least one task.");
  }
}

function toReference(
  services: Services,
  { answers, reward, query }: RolloutTask,
  fault: PlacedTask["fault"],
): Reference | null {
  if (answers === undefined && reward === undefined) {
    return null;
  }
  const reference = { answers: answers ?? [], ...(reward === undefined ? {} : { reward }) };
  const found = checkReference(services, reference, query);
  if (found !== null) {
    throw fault(found.member, found.code, found.detail);
  }
  return reference;
}

/** Names resolved and defaults filled in. `seed`: where the caller gave none. */
export async function toBatchSpec(
  services: Services,
  batch: { readonly tenant: string; readonly batchId: string; readonly seed: number },
  options: RolloutOptions,
): Promise<BatchSpec> {
  const { limits, sampling } = options;
  const { tenant } = batch;
  const policy = await resolvePolicy(services, tenant, options.policy);
  return {
    batch_id: batch.batchId,
    tenant,
    group_size: options.group_size,
    policy,
    sampling: { ...sampling, temperature: sampling.temperature ?? defaultTemperature },
    limits: {
      max_turns: limits.max_turns ?? defaultLimits.max_turns,
      max_seconds: limits.max_seconds ?? defaultLimits.max_seconds,
      max_tokens: limits.max_tokens ?? defaultLimits.max_tokens,
    },
    tools: await chooseTools(services, { tenant, policy }, options.tools),
    ...(options.tool_results === undefined ? {} : { tool_results: options.tool_results }),
    concurrency: options.concurrency,
    split: options.split,
    seed: options.seed ?? batch.seed,
  };
}
