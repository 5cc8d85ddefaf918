/** What a killed Flink leaves in a bucket is found, and Flink goes on from it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CheckpointStatistics } from "../../../src/flink/rest-answers.ts";
import { FlinkRestClient } from "../../../src/flink-rest/client.ts";
import { createFlinkAgent, directTransport } from "../../../src/flink-rest/transport.ts";
import { findRetained } from "../../../src/state-storage/retained-checkpoints.ts";
import { StateStorages } from "../../../src/state-storage/state-storage.ts";
import {
  buildScriptedJob,
  flinkHome,
  type LocalFlink,
  startFlink,
  type Version,
} from "../../../testbed/flink-rest/local-flink.ts";
import { checkpointing, Stage } from "../../../testbed/flink-rest/stage.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { s3Missing, type S3Server, startS3 } from "./s3-server.ts";

const DIRECTORY = "s3://state/checkpoints";
const agent = createFlinkAgent();
const storages = new StateStorages({ env: {} });
let server: S3Server;

beforeAll(async () => {
  if (!s3Missing()) server = await startS3("state");
});
afterAll(async () => {
  await agent.close();
  await storages.close();
  if (!s3Missing()) await server.stop();
});

async function statistics(
  flink: LocalFlink,
  jobId: string,
  holds: (statistics: CheckpointStatistics) => boolean,
): Promise<CheckpointStatistics> {
  const client = new FlinkRestClient({ transport: directTransport(flink.url, agent) });
  return waitFor(
    `checkpoints of ${jobId}`,
    async () => {
      const answer = await client.jobCheckpoints(jobId);
      return answer.ok && holds(answer.value) && answer.value;
    },
    { deadline: 60_000 },
  );
}

describe.skipIf(s3Missing()).each<Version>(["1.20", "2.3"])("Flink %s", (version) => {
  it("is restored from its newest retained checkpoint", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-retained-flink-"));
    const home = await flinkHome(version);
    const jar = await buildScriptedJob(home, folder);
    const configuration = {
      ...server.options,
      "execution.checkpointing.dir": DIRECTORY,
      "rest.cache.checkpoint-statistics.timeout": "0 ms",
    };
    const start = (): Promise<LocalFlink> =>
      startFlink({ home, folder: join(folder, "flink"), configuration });
    let flink = await start();
    try {
      const jobId = await (await Stage.open(flink, jar)).submit("first");
      await statistics(flink, jobId, ({ counts }) => counts.completed >= 3);
      await flink.stop();

      const place = { directory: `${DIRECTORY}/${jobId}`, shared: false, access: server.options };
      const found = await findRetained({ jobId, places: [place], savepoints: [] }, (access) =>
        storages.open(access),
      );
      if (found.kind !== "found") throw new Error(JSON.stringify(found));
      expect(found.checkpointId).toBeGreaterThanOrEqual(3);
      expect(found.path).toBe(`${DIRECTORY}/${jobId}/chk-${found.checkpointId}`);

      flink = await start();
      // The directory of a session job is its own, where it has one, and else its cluster's.
      const own = { ...checkpointing, "execution.checkpointing.dir": "s3://state/own" };
      const again = await (await Stage.open(flink, jar)).submit("second", own, found.path);
      const { latest } = await statistics(
        flink,
        again,
        ({ latest: { completed } }) => completed !== undefined,
      );
      expect(latest.restored).toMatchObject({ id: found.checkpointId, externalPath: found.path });
      expect(latest.completed?.externalPath).toMatch(new RegExp(`^s3://state/own/${again}/chk-\\d+$`));
    } finally {
      await flink.stop();
      await rm(folder, { recursive: true });
    }
  });
});
