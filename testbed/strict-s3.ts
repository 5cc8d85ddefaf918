/** An S3 server of a test's own that says no: to who has no right in a bucket, and when a bucket's disk is full. Root only. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtPrograms } from "./lib/builds.ts";
import { run } from "./lib/exec.ts";
import { get } from "./lib/http.ts";
import { bridgeAddress } from "./lib/node/layout.ts";
import { freePorts } from "./lib/ports.ts";
import { assertAlive, start, stop } from "./lib/processes.ts";
import { waitFor } from "./lib/wait.ts";
import type { S3 } from "./node.ts";

const ROOT = { accessKey: "root", secretKey: "root-secret" };
const USER = { accessKey: "job", secretKey: "job-secret" };
const REGION = "us-east-1";
const NAME = "versitygw";
/** Of the bucket `full`. */
const SIZE = 64 * 1024;

export class StrictS3 implements S3 {
  readonly endpoint: string;
  readonly accessKey = USER.accessKey;
  readonly secretKey = USER.secretKey;
  readonly region = REGION;
  readonly #dir: string;
  readonly #program: string;

  private constructor(dir: string, program: string, endpoint: string) {
    this.#dir = dir;
    this.#program = program;
    this.endpoint = endpoint;
  }

  /** With three buckets: the user's own (`own`), one with no space left (`full`), and somebody else's (`denied`). */
  static async start(own: string): Promise<StrictS3> {
    const dir = mkdtempSync(join(tmpdir(), "sluice-s3-"));
    const program = join(await builtPrograms("versitygw"), "versitygw");
    const [port] = await freePorts(1);
    const s3 = new StrictS3(dir, program, `http://${bridgeAddress}:${port}`);
    for (const folder of ["iam", own, "full", "denied"].map((name) =>
      name === "iam" ? name : `data/${name}`,
    ))
      mkdirSync(join(dir, folder), { recursive: true });
    await run("mount", ["-t", "tmpfs", "-o", `size=${SIZE}`, "tmpfs", s3.bucketDir("full")], {
      deadline: 10_000,
    });
    const args = ["--port", `${bridgeAddress}:${port}`, "--region", REGION, "--iam-dir", join(dir, "iam")];
    const env = { ROOT_ACCESS_KEY: ROOT.accessKey, ROOT_SECRET_KEY: ROOT.secretKey };
    start({
      name: NAME,
      command: program,
      args: [...args, "posix", join(dir, "data")],
      env,
      dir,
      lifetime: "parent",
    });
    await waitFor("the S3 server", async () => (await get(`${s3.endpoint}/`)).status === 403, {
      deadline: 20_000,
      alive: () => assertAlive(dir, NAME),
    });
    await s3.#admin("create-user", "--access", USER.accessKey, "--secret", USER.secretKey, "--role", "user");
    for (const bucket of [own, "full"])
      await s3.#admin("change-bucket-owner", "--bucket", bucket, "--owner", USER.accessKey);
    return s3;
  }

  bucketDir(bucket: string): string {
    return join(this.#dir, "data", bucket);
  }

  /** From now on the bucket `full` has no byte left. */
  fill(): void {
    const chunk = new Uint8Array(4096);
    for (let nth = 0; ; nth++) {
      try {
        writeFileSync(join(this.bucketDir("full"), `filler-${nth}`), chunk);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOSPC") return;
        throw error;
      }
    }
  }

  async stop(): Promise<void> {
    await stop(this.#dir, NAME);
    await run("umount", [this.bucketDir("full")], { deadline: 10_000 });
    rmSync(this.#dir, { recursive: true });
  }

  async #admin(...args: string[]): Promise<void> {
    const access = ["--access", ROOT.accessKey, "--secret", ROOT.secretKey, "--region", REGION];
    await run(this.#program, ["admin", ...access, "--endpoint-url", this.endpoint, ...args], {
      deadline: 20_000,
    });
  }
}
