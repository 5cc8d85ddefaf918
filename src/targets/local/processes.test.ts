import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { endProcesses, findProcesses, startProcess } from "./processes.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-processes-"));
});
afterAll(async () => {
  await endProcesses(() => findProcesses(folder), 0);
  rmSync(folder, { recursive: true });
});

test("a process is seen at every moment, also while it becomes another program", async () => {
  const script = join(folder, "again.sh");
  writeFileSync(script, '[ "$1" = 0 ] && exec sleep 60\nexec bash "$0" $(($1 - 1))\n');
  startProcess({
    mark: { folder, cluster: "one", role: "jobmanager" },
    command: "bash",
    args: [script, "300"],
    env: process.env,
    logFile: join(folder, "log"),
    workingFolder: folder,
  });
  const deadline = performance.now() + 30_000;
  let looks = 0;
  for (; performance.now() < deadline; looks++) {
    const found = findProcesses(folder).filter(({ isLeader }) => isLeader);
    expect(
      found.map(({ role }) => role),
      `look ${looks}`,
    ).toEqual(["jobmanager"]);
    if (looks >= 300) break;
    await pause(1);
  }
  expect(looks).toBeGreaterThan(50);
});
