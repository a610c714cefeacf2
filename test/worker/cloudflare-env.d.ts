// Types of the worker tests: `cloudflare:test`, and the `env` of `cloudflare:workers` as the Worker's own.

/// <reference types="@cloudflare/vitest-plugin/types" />

import type { Env as ServiceEnv } from "../../src/env.ts";

declare global {
  namespace Cloudflare {
    interface Env extends ServiceEnv {}
  }
}
