// Loaded into the wrangler process before its own code. When the script that started it is gone, however it went,
// wrangler ends and takes its workerd along; and it reports the processes it starts, so that they can be ended
// if wrangler itself is killed.

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
