// Runs a TypeScript script of this project on a Node that can: `node scripts/run.mjs start [arguments]`.
// npm scripts find the project's own Node first on their PATH; this launcher finds it when started without npm.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const [name, ...rest] = process.argv.slice(2);
if (name === undefined) {
  console.error("usage: node scripts/run.mjs <script> [arguments]");
  process.exit(2);
}
// npm runs a script through a shell, which dies of npm's SIGTERM without passing it on; so look whether it is there.
if (process.env.npm_lifecycle_event !== undefined) {
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== shell) {
      clearInterval(watch);
      process.kill(process.pid, "SIGTERM");
    }
  }, 250);
  watch.unref();
}
const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

// Wrangler needs 22.12, and from 22.18 on Node runs TypeScript as it stands.
if (major > 22 || (major === 22 && minor >= 18)) {
  process.argv = [process.argv[0] ?? "node", script, ...rest];
  await import(pathToFileURL(script).href);
} else {
  const file = process.platform === "win32" ? "node.exe" : "node";
  const node = fileURLToPath(new URL(`../node_modules/node/bin/${file}`, import.meta.url));
  if (!existsSync(node)) {
    console.error(`Node ${process.versions.node} is too old and the project's own is not installed: run npm ci first.`);
    process.exit(1);
  }
  // The guard watches the channel: when this launcher is gone, however it went, the script ends too.
  const guard = new URL("./lib/child-guard.mjs", import.meta.url).href;
  const stdio = ["inherit", "inherit", "inherit", "ipc"];
  const child = spawn(node, ["--import", guard, script, ...rest], { stdio });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("exit", (code, signal) => {
    process.exit(code ?? (signal === null ? 1 : 128));
  });
}
