import { expect, it } from "vitest";
import { pod, waiting } from "../../testbed/gen/kube-objects.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { KubeApiError } from "../kube/api-error.ts";
import { podProblems } from "../reconcile/deployment/pod-problems.ts";
import { LastWords } from "./last-words.ts";

const FRAMES = "\tat a.B.c(B.java:1)\n\t... 6 more\n";
const LOG = [
  "2026-11-26 18:06:49,828 ERROR org.apache.flink.runtime.entrypoint.ClusterEntrypoint [] - Could not create application program.",
  "org.apache.flink.util.FlinkException: An error occurred while access the provided classpath.",
  "Caused by: java.nio.file.NoSuchFileException: /opt/flink/none.jar",
  FRAMES,
].join("\n");

function crashed(component: "jobmanager" | "taskmanager", containerID: string, message = FRAMES): KubeObject {
  return pod(
    component,
    waiting("CrashLoopBackOff", "back-off 10s", { reason: "Error", exitCode: 1, message, containerID }),
  );
}

/** Logs by the path of the pod; what is not there may not be read. */
function listener(logs: Readonly<Record<string, string>> = {}) {
  const asked: string[] = [];
  const words = new LastWords({
    getText: async (path, query) => {
      asked.push(`${path}?${new URLSearchParams(query).toString()}`);
      const log = logs[path];
      if (log !== undefined) return log;
      throw new KubeApiError("no", { status: 403, reason: "Forbidden", code: "forbidden" });
    },
  });
  const problems = async (...pods: KubeObject[]) => {
    const nothing = { deployment: undefined, taskManagers: undefined, services: [], configMaps: [] };
    const { pods: heard } = await words.heard({ ...nothing, pods });
    return podProblems(heard).map(({ message }) => message);
  };
  return { asked, problems };
}

const PATH = "/api/v1/namespaces/default/pods/job-jobmanager-1/log";
const QUIET = "[flink-main-container] exit code 1";

it("a crash whose status holds frames alone is explained by its log, which is read once for each crash", async () => {
  const { asked, problems } = listener({ [PATH]: LOG });
  const told = [`${QUIET}: Caused by: java.nio.file.NoSuchFileException: /opt/flink/none.jar`];
  expect(await problems(crashed("jobmanager", "containerd://1"))).toEqual(told);
  expect(await problems(crashed("jobmanager", "containerd://1"))).toEqual(told);
  expect(asked).toEqual([`${PATH}?container=flink-main-container&previous=true&tailLines=200`]);
  expect(await problems(crashed("jobmanager", "containerd://2"))).toEqual(told);
  expect(asked).toHaveLength(2);
});

it("without the right to read logs it stays unexplained, and is not asked for again", async () => {
  const { asked, problems } = listener();
  expect(await problems(crashed("jobmanager", "containerd://1"))).toEqual([QUIET]);
  expect(await problems(crashed("jobmanager", "containerd://1"))).toEqual([QUIET]);
  expect(asked).toHaveLength(1);
});

it.each([
  [
    "tells why",
    crashed("jobmanager", "containerd://1", "java.lang.Error: told"),
    `${QUIET}: java.lang.Error: told`,
  ],
  ["is a TaskManager", crashed("taskmanager", "containerd://1"), QUIET],
  [
    "was killed for its memory",
    pod(
      "jobmanager",
      waiting("CrashLoopBackOff", "", { reason: "OOMKilled", containerID: "containerd://1" }),
    ),
    expect.stringContaining("more memory"),
  ],
])("no log is read of a pod that %s", async (_, one, message) => {
  const { asked, problems } = listener({ [PATH]: LOG });
  expect(await problems(one)).toEqual([message]);
  expect(asked).toEqual([]);
});

it("a pod that runs is as it was", async () => {
  const { asked, problems } = listener();
  expect(await problems(pod("jobmanager"))).toEqual([]);
  expect(asked).toEqual([]);
});

it("a thousand crashes are remembered", async () => {
  const { asked, problems } = listener();
  for (let n = 0; n <= 1000; n++) await problems(crashed("jobmanager", `containerd://${n}`));
  await problems(crashed("jobmanager", "containerd://1"));
  expect(asked).toHaveLength(1001);
  await problems(crashed("jobmanager", "containerd://0"));
  expect(asked).toHaveLength(1002);
});
