/** The command line of jobs without an operator: what scripts rely on. */
import { describe, expect, test } from "vitest";
import { main } from "../../../src/cli/main.ts";
import { apiTestbed } from "../../support/api-testbed.ts";

async function sluice(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { kubeconfigPath, freshNamespace } = apiTestbed();
  const out: string[] = [];
  const err: string[] = [];
  async function* nothing(): AsyncGenerator<string> {}
  const place = ["--kubeconfig", kubeconfigPath, "-n", await freshNamespace("codes")];
  const code = await main([...args, ...place], {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    stdin: nothing(),
    env: {},
  });
  return { code, stdout: out.join(""), stderr: err.join("") };
}

describe("the exit code", () => {
  test("is 0 where there is nothing to stop, with the result on standard output alone", async () => {
    expect(await sluice("stop", "job")).toEqual({
      code: 0,
      stdout: "job does not run: nothing to stop\n",
      stderr: "",
    });
    const { stdout } = await sluice("stop", "job", "-o", "json");
    expect(JSON.parse(stdout)).toEqual({
      name: "job",
      result: "nothing-there",
      savepointPath: null,
      isSavepoint: false,
    });
  });

  test.each([
    [2, ["stop"], /its name is missing/i],
    [2, ["stop", "job", "--timeout", "soon"], /--timeout is a duration/],
    [2, ["start"], /name the job file/],
    [4, ["status", "job"], /there is no job job: ConfigMap sluice-job/],
    [4, ["savepoint", "job"], /there is no job job/],
    [1, ["start", "-f", "/nowhere.yaml"], /cannot read \/nowhere\.yaml/],
    [3, ["start", "-f", "examples/counting-job.yaml", "--timeout", "1ms"], /does not run as wanted/],
  ] as const)("is %i for sluice %j", async (code, args, message) => {
    const answer = await sluice(...args);
    expect(answer).toMatchObject({ code, stderr: expect.stringMatching(message), stdout: "" });
  });
});
