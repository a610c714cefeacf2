// What docs/policies.md and docs/security.md show is read by the code it is for.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createDeploymentGuard } from "../../../src/lib/guarded-fetch/deployment-guard.ts";
import { fetchBytes } from "../../../src/lib/guarded-fetch/fetch-bytes.ts";
import { readFetchRules } from "../../../src/lib/guarded-fetch/fetch-rules.ts";
import { createTenantSecrets } from "../../../src/lib/tenant-secrets.ts";
import { PolicyRegistration } from "../../../src/policies/registration.ts";
import { untrainedWeights } from "../../../src/engines/offline/policy/weights.ts";

const docs = join(import.meta.dirname, "../../../docs");
const policies = await readFile(join(docs, "policies.md"), "utf8");
const security = await readFile(join(docs, "security.md"), "utf8");

function blocks(page: string, language: string): string[] {
  return [...page.matchAll(new RegExp(`\`\`\`${language}\\n([^\`]*)\`\`\``, "gu"))].map((match) => match[1] ?? "");
}

describe("docs/policies.md", () => {
  test("shows a body that can be registered", () => {
    const body = /-d '(.*)'/.exec(blocks(policies, "sh")[0] ?? "")?.[1] ?? "";
    expect(PolicyRegistration.parse(JSON.parse(body))).toMatchObject({ model: "planner-step-40", datasets: [] });
  });

  test("shows weights of the vocabularies that there are", () => {
    const shown = JSON.parse((blocks(policies, "json")[1] ?? "").replace("[…]", "[]"));
    const { rows } = untrainedWeights("any");
    expect(PolicyRegistration.safeParse({ ...shown, weights: { ...shown.weights, rows } }).error?.issues ?? []).toEqual(
      [],
    );
  });

  test("binds its secret to two tenants", () => {
    const lines = (blocks(policies, "ini")[0] ?? "").split("\n").map((line) => line.split(/=(.*)/u).slice(0, 2));
    const secretFor = createTenantSecrets(Object.fromEntries(lines));
    expect(secretFor("acme", "TENANT_SECRET_VLLM", "vllm.example.com").ok).toBe(true);
    expect(secretFor("beta", "TENANT_SECRET_VLLM", "vllm.example.com:8443").ok).toBe(true);
    expect(secretFor("beta", "TENANT_SECRET_VLLM", "vllm.example.com").ok).toBe(false);
  });

  test("opens a port of this machine", () => {
    const opened = /FETCH_ALLOW=(\S+)/.exec(policies)?.[1] ?? "";
    expect(readFetchRules({ FETCH_ALLOW: opened }).allow).toEqual(new Set(["127.0.0.1:8000"]));
  });
});

test("docs/security.md shows what its address gives", async () => {
  const [, url = ""] = /url: "([^"]*)"/.exec(blocks(security, "ts")[0] ?? "") ?? [];
  const guard = createDeploymentGuard({}, { fetch: () => Promise.reject(new Error("reached")), now: () => 0 });
  const { signal } = new AbortController();
  const got = await fetchBytes(guard.fetch, { url }, { maxBytes: 1_000_000, timeoutMs: 10_000, signal });
  expect(got).toEqual(JSON.parse(blocks(security, "json")[0] ?? ""));
});
