// What is left of an erased session: nothing but the answer 410.

import { until } from "../../support/until.ts";
import { type Api, problemOf } from "./api.ts";

/**
 * Waits for the ledger, which lags by moments, then asks for everything that the session held. Each answer is
 * `<status> <code>`, and all of them should be `410 erased`.
 */
export async function askErased(api: Api, { id, session_id }: { id: string; session_id: string }): Promise<string[]> {
  await until("the ledger forgets it", async () => (await api.ledger()).every((row) => row.session_id !== session_id));
  const asked: readonly (readonly [string, string, unknown?])[] = [
    ["GET", `/v1/sessions/${session_id}`],
    ["DELETE", `/v1/sessions/${session_id}`],
    ["GET", `/v1/runs/${id}`],
    ["GET", `/v1/runs/${id}/events`],
    ["GET", `/v1/runs/${id}/record`],
    ["POST", `/v1/runs/${id}/cancel`],
    ["POST", "/v1/solve", { query: "Once more", session_id }],
  ];
  const answers = asked.map(async ([method, path, body]) => {
    const { status, code } = await problemOf(await api.send(method, path, { body }));
    return `${status} ${code}`;
  });
  return [...new Set(await Promise.all(answers))];
}
