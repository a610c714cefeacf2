// The tools of your own deployment, offered beside those of this repository: docs/tools.md shows one. They run in every
// lane of tests and in every run, so they take I/O from their context and from imports, never from module state.

import type { Tool } from "./tool.ts";

export const ownTools: readonly Tool[] = [];
