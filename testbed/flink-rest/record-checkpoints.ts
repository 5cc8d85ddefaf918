/**
 * Keeps what a real Flink leaves in its checkpoint directory when it is killed: `node
 * testbed/flink-rest/record-checkpoints.ts [1.20] [2.2] [2.3]`, about half a minute a version. The folders are committed,
 * `recordings/<version>/checkpoints/<job id>/chk-<n>/_metadata`; record again when a Flink version changes the format.
 */
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../lib/wait.ts";
import { buildScriptedJob, flinkHome, startFlink, type Version, versions } from "./local-flink.ts";
import { Stage } from "./stage.ts";

/** More than one kept, so that there is a newest. */
const KEPT = 2;

function checkpointsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => existsSync(join(folder, name, "_metadata")));
}

async function record(version: Version): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-checkpoints-"));
  const home = await flinkHome(version);
  const jar = await buildScriptedJob(home, folder);
  const flink = await startFlink({
    home,
    folder: join(folder, "flink"),
    configuration: { "state.checkpoints.num-retained": String(KEPT) },
  });
  try {
    const jobId = await (await Stage.open(flink, jar)).submit("kept");
    const directory = join(flink.folder, "checkpoints", jobId);
    await waitFor("the third checkpoint", () => checkpointsIn(directory).includes("chk-3"), {
      deadline: 60_000,
    });
    await flink.stop();
    const kept = join(import.meta.dirname, "recordings", version, "checkpoints");
    rmSync(kept, { recursive: true, force: true });
    for (const name of checkpointsIn(directory)) {
      cpSync(join(directory, name), join(kept, jobId, name), { recursive: true });
    }
  } finally {
    await flink.stop();
    await rm(folder, { recursive: true });
  }
}

const asked = process.argv.slice(2);
for (const version of versions.filter((one) => asked.length === 0 || asked.includes(one))) {
  await record(version);
  console.log(`Flink ${version}: recorded`);
}
