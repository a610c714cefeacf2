// Who gets a secret: the tenant and host that the operator named, and nobody else.

import { describe, expect, test } from "vitest";
import { createTenantSecrets } from "../../../src/lib/tenant-secrets.ts";

const secretFor = createTenantSecrets({
  TENANT_SECRET_VLLM: "k-1",
  TENANT_SECRET_VLLM_FOR: "acme@vllm.example.com, beta@vllm.example.com:8443",
  TENANT_SECRET_UNBOUND: "k-2",
  TENANT_SECRET_EMPTY: " ",
  TENANT_SECRET_EMPTY_FOR: "acme@vllm.example.com",
  INFERENCE_API_KEY: "k-3",
  INFERENCE_API_KEY_FOR: "acme@vllm.example.com",
});

describe("a secret", () => {
  test("is for the tenant and host it is bound to", () => {
    expect(secretFor("acme", "TENANT_SECRET_VLLM", "vllm.example.com")).toEqual({ ok: true, value: "k-1" });
    expect(secretFor("acme", "TENANT_SECRET_VLLM", "VLLM.example.com")).toEqual({ ok: true, value: "k-1" });
    expect(secretFor("beta", "TENANT_SECRET_VLLM", "vllm.example.com:8443")).toEqual({ ok: true, value: "k-1" });
  });

  test.each([
    ["gamma", "TENANT_SECRET_VLLM", "vllm.example.com"],
    ["acme", "TENANT_SECRET_VLLM", "evil.example.com"],
    ["acme", "TENANT_SECRET_VLLM", "vllm.example.com:8443"],
    ["beta", "TENANT_SECRET_VLLM", "vllm.example.com"],
    ["acme", "TENANT_SECRET_VLLM", "vllm.example.com.evil.example"],
    ["acme", "TENANT_SECRET_UNBOUND", "vllm.example.com"],
    ["acme", "TENANT_SECRET_EMPTY", "vllm.example.com"],
    ["acme", "TENANT_SECRET_NONE", "vllm.example.com"],
    ["acme", "TENANT_SECRET_VLLM_FOR", "vllm.example.com"],
    ["acme", "INFERENCE_API_KEY", "vllm.example.com"],
    ["acme", "__proto__", "vllm.example.com"],
  ])("is not for %s asking for %s at %s", (tenant, name, host) => {
    const refused = secretFor(tenant, name, host);
    // The same words whether it exists or not.
    expect(refused).toEqual({
      ok: false,
      error: { code: "secret_refused", detail: `there is no secret ${name} for this tenant and ${host}` },
    });
  });
});
