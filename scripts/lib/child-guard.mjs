// Loaded into a child process before its own code: into wrangler, and into a script that the launcher starts on the
// project's Node. When the process that started it is gone, however it went, it ends (wrangler takes its workerd
// along); and it reports the processes it starts, so that they can be ended if it is killed itself.

import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";

const { spawn } = childProcess;
childProcess.spawn = function guardedSpawn(...args) {
  const child = spawn.apply(this, args);
  if (child.pid !== undefined && process.connected) {
    process.send?.(JSON.stringify({ event: "AGENTFLOW_CHILD", pid: child.pid }));
  }
  return child;
};
syncBuiltinESMExports();

process.on("disconnect", () => {
  process.exit(1);
});
// The listener alone must not keep a script alive that has done its work.
process.channel?.unref();
