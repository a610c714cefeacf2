// Where the sandbox's build finds its inputs and puts its outputs.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const projectDirectory = join(import.meta.dirname, "../..");

export const buildDirectory = import.meta.dirname;
export const outputDirectory = join(projectDirectory, "assets/sandbox");
export const runnerDirectory = join(projectDirectory, "src/tools/python-coder/sandbox");
export const pyodideDirectory = dirname(require.resolve("pyodide/package.json"));
