// Processor time of this process, for tests that tell work that grows with the input from work that explodes: unlike
// the time of day it does not pass while other processes have the machine.

export async function cpuMsOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
