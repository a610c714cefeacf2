// What a step's work comes to: events to append, or the reason there are none.

import type { NewEvent } from "./events.ts";
import type { ModuleFailure } from "./call-module.ts";
import type { Result } from "../lib/result.ts";

export type StepOutcome = Result<readonly NewEvent[], ModuleFailure>;
