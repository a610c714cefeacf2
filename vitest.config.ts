// Five lanes (STYLE rule 12). `unit` is plain Node, `worker` runs inside workerd, `blackbox` talks to a real server
// process. `browser` drives Chromium and `python` the trainers' package; `npm run test:browser` and `npm run
// test:python` ask for what these need, and `npm test` leaves them out.
import { rmSync } from "node:fs";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { makeScratchFolder } from "./scripts/lib/scratch-folder.ts";

/** All that the lanes leave in temporary folders at once, with room to spare. */
const maxScratchBytes = 3 * 1024 ** 3;
// The tests commit tens of thousands of times, to databases that go away with them: in memory they take half the time.
const scratch = makeScratchFolder("agentflow-tests-", maxScratchBytes);
process.env["TMPDIR"] = scratch;
process.on("exit", () => {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
});

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 60_000 } },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } })],
        test: { name: "worker", include: ["test/worker/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 },
      },
      {
        test: {
          name: "blackbox",
          include: ["test/blackbox/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "python",
          include: ["test/python/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
