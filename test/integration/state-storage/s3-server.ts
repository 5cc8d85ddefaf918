/** A real S3 server (versitygw) on loopback, where a build has left its program in the cache. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import { get } from "../../../testbed/lib/http.ts";
import { cacheDir, stateDir } from "../../../testbed/lib/paths.ts";
import { freePorts } from "../../../testbed/lib/ports.ts";
import { assertAlive, pause, signal, start, stop } from "../../../testbed/lib/processes.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";

const ACCESS_KEY = "test-id";
const SECRET_KEY = "test-secret";

export interface S3Server {
  readonly endpoint: string;
  /** Where and with which keys, as Flink's options. */
  readonly options: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** The folder in which the server keeps its buckets. */
  readonly data: string;
  readonly put: (path: string, body: string | Buffer) => Promise<void>;
  /** Connections stay open and nothing answers, until `resume`. */
  readonly pause: () => Promise<void>;
  readonly resume: () => void;
  readonly stop: () => Promise<void>;
}

function program(): string | undefined {
  const builds = join(cacheDir(), "bin");
  const folder = existsSync(builds) && readdirSync(builds).find((name) => /^versitygw-[0-9a-f]+$/.test(name));
  return folder ? join(builds, folder, "versitygw") : undefined;
}

/** True where there is no S3 server to test with: `describe.skipIf(s3Missing())`. */
export function s3Missing(): boolean {
  return program() === undefined;
}

/** Starts the server with one empty bucket. It ends with this process. */
export async function startS3(bucket: string): Promise<S3Server> {
  const command = program();
  if (command === undefined) throw new Error("versitygw has not been built: bin/testbed up");
  mkdirSync(join(stateDir(), "runs"), { recursive: true });
  const folder = mkdtempSync(join(stateDir(), "runs", "s3-"));
  const data = join(folder, "data");
  mkdirSync(data);
  const [port = 0] = await freePorts(1);
  const endpoint = `http://127.0.0.1:${port}`;
  start({
    name: "versitygw",
    command,
    args: ["--port", `127.0.0.1:${port}`, "--region", "us-east-1", "posix", data],
    env: { ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY },
    dir: folder,
    lifetime: "parent",
  });
  const alive = (): void => assertAlive(folder, "versitygw");
  await waitFor("the S3 server", async () => (await get(endpoint)).status === 403, {
    deadline: 20_000,
    alive,
  });
  const client = new AwsClient({
    accessKeyId: ACCESS_KEY,
    secretAccessKey: SECRET_KEY,
    service: "s3",
    region: "us-east-1",
  });
  const put = async (path: string, body: string | Buffer): Promise<void> => {
    const url = `${endpoint}/${path.split("/").map(encodeURIComponent).join("/")}`;
    const answer = await client.fetch(url, { method: "PUT", body: new Uint8Array(Buffer.from(body)) });
    if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
  };
  await put(bucket, "");
  return {
    endpoint,
    options: {
      "s3.endpoint": endpoint,
      "s3.access-key": ACCESS_KEY,
      "s3.secret-key": SECRET_KEY,
      "s3.path.style.access": "true",
    },
    env: { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY },
    data,
    put,
    pause: () => pause(folder, "versitygw"),
    resume: () => void signal(folder, "versitygw", "SIGCONT"),
    stop: async () => {
      await stop(folder, "versitygw");
      rmSync(folder, { recursive: true });
    },
  };
}
