// An export: claim, files, validation, manifest. A thin shell: RPC methods and an alarm that call plain functions.
// Whatever crashes after the claim, the same bytes come out.

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../src/env.ts";

export class Exporter extends DurableObject<Env> {}
