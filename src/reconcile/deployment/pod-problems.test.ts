import { describe, expect, it } from "vitest";
import {
  ended,
  inPhase,
  jobManagerDeployment,
  named,
  type ObjectChange,
  pod,
  replicaFailure,
  terminating,
  unschedulable,
  waiting,
} from "../../../testbed/gen/kube-objects.ts";
import { flinkDeployment } from "../../../testbed/gen/flink-deployment.ts";
import { creationProblem, podProblems } from "./pod-problems.ts";

const MAIN = "[flink-main-container]";

function problem(...changes: ObjectChange[]): string | undefined {
  const [first] = podProblems([pod("jobmanager", ...changes)]);
  return first && `${first.reason}: ${first.message}`;
}

describe("what keeps a pod from running", () => {
  it.each<[string, ObjectChange[], string | undefined]>([
    ["nothing, of a running pod", [], undefined],
    ["nothing, while its containers are created", [waiting("ContainerCreating")], undefined],
    ["nothing, while it initialises", [waiting("PodInitializing")], undefined],
    [
      "an image that cannot be pulled",
      [waiting("ImagePullBackOff", 'Back-off pulling image "flink:nope"')],
      `ImagePullBackOff: ${MAIN} Back-off pulling image "flink:nope"`,
    ],
    ["the same at first sight", [waiting("ErrImagePull", "not found")], `ErrImagePull: ${MAIN} not found`],
    [
      "an image that must not be pulled",
      [waiting("ErrImageNeverPull", "absent")],
      `ErrImageNeverPull: ${MAIN} absent`,
    ],
    ["a name that is no image", [waiting("InvalidImageName", "bad")], `InvalidImageName: ${MAIN} bad`],
    [
      "a command that does not exist",
      [waiting("RunContainerError", "no such file")],
      `RunContainerError: ${MAIN} no such file`,
    ],
    [
      "a missing Secret or ConfigMap",
      [waiting("CreateContainerConfigError", 'secret "s3" not found')],
      `CreateContainerConfigError: ${MAIN} secret "s3" not found`,
    ],
    [
      "a reason without a message",
      [waiting("ImagePullBackOff")],
      `ImagePullBackOff: ${MAIN} ImagePullBackOff`,
    ],
    [
      "a crash loop, by how the container last ended",
      [
        waiting("CrashLoopBackOff", "back-off 5m0s", {
          reason: "Error",
          exitCode: 1,
          message: "no main class\n",
        }),
      ],
      `CrashLoopBackOff: ${MAIN} exit code 1: no main class`,
    ],
    [
      "a crash loop with the end of a log",
      [
        waiting("CrashLoopBackOff", "back-off 5m0s", {
          reason: "Error",
          exitCode: 239,
          message: [
            "12:00:00,000 ERROR o.a.f.runtime.entrypoint.ClusterEntrypoint [] - Fatal error occurred.",
            "java.util.concurrent.CompletionException: java.lang.Error: outer",
            "\tat java.base/java.lang.Thread.run(Unknown Source) [?:?]",
            "Caused by: com.amazonaws.services.s3.model.AmazonS3Exception: The specified bucket does not exist",
            "\tat com.amazonaws.http.AmazonHttpClient.execute(AmazonHttpClient.java:1) ~[?:?]",
            "\t... 3 more",
            "",
          ].join("\n"),
        }),
      ],
      `CrashLoopBackOff: ${MAIN} exit code 239: Caused by: com.amazonaws.services.s3.model.AmazonS3Exception: ` +
        "The specified bucket does not exist",
    ],
    [
      "a crash loop with an exception that has no cause",
      [
        waiting("CrashLoopBackOff", "back-off 5m0s", {
          reason: "Error",
          exitCode: 1,
          message:
            "starting\njava.lang.IllegalArgumentException: no such class\n\tat Main.main(Main.java:1)\n",
        }),
      ],
      `CrashLoopBackOff: ${MAIN} exit code 1: java.lang.IllegalArgumentException: no such class`,
    ],
    [
      "a crash loop whose last words are frames alone",
      [
        waiting("CrashLoopBackOff", "back-off 5m0s", {
          reason: "Error",
          exitCode: 1,
          message: "\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)\n\t... 6 more\n",
        }),
      ],
      `CrashLoopBackOff: ${MAIN} exit code 1`,
    ],
    [
      "a crash loop whose last words begin in the middle of a frame",
      [
        waiting("CrashLoopBackOff", "back-off 5m0s", {
          reason: "Error",
          exitCode: 1,
          message: "\tat a.B.c(B.java:1)\n".repeat(120).slice(-2048),
        }),
      ],
      `CrashLoopBackOff: ${MAIN} exit code 1`,
    ],
    [
      "a crash loop by its last error, not by one before",
      [
        waiting("CrashLoopBackOff", "back-off 5m0s", {
          reason: "Error",
          exitCode: 1,
          message: [
            "2026-11-26 18:06:40,828 ERROR o.a.f.runtime.rest.RestClient [] - Retried.",
            "java.io.IOException: slow",
            "Caused by: java.net.SocketException: reset",
            "2026-11-26 18:06:49,828 ERROR o.a.f.runtime.entrypoint.ClusterEntrypoint [] - Could not create application program.",
            "org.apache.flink.util.FlinkException: No main class",
            "2026-11-26 18:06:49,900 INFO  o.a.f.runtime.blob.BlobServer [] - Stopped.",
          ].join("\n"),
        }),
      ],
      `CrashLoopBackOff: ${MAIN} exit code 1: org.apache.flink.util.FlinkException: No main class`,
    ],
    [
      "a crash loop without last words",
      [waiting("CrashLoopBackOff", "back-off 5m0s", { reason: "Error", exitCode: 137 })],
      `CrashLoopBackOff: ${MAIN} exit code 137`,
    ],
    [
      "a crash loop of unknown cause",
      [waiting("CrashLoopBackOff", "back-off 5m0s")],
      `CrashLoopBackOff: ${MAIN} back-off 5m0s`,
    ],
    [
      "too little memory, in a crash loop",
      [waiting("CrashLoopBackOff", "back-off", { reason: "OOMKilled", exitCode: 137 })],
      `OOMKilled: ${MAIN} killed for using more memory than its limit; give the container more memory`,
    ],
    [
      "too little memory, just now",
      [ended({ reason: "OOMKilled", exitCode: 137 })],
      `OOMKilled: ${MAIN} killed for using more memory than its limit; give the container more memory`,
    ],
    [
      "too little memory just now, after another end",
      [ended({ reason: "OOMKilled", exitCode: 137 }, { reason: "Error", exitCode: 1 })],
      `OOMKilled: ${MAIN} killed for using more memory than its limit; give the container more memory`,
    ],
    [
      "no node that can take it",
      [unschedulable("0/3 nodes are available: 3 Insufficient memory.")],
      "Unschedulable: 0/3 nodes are available: 3 Insufficient memory.",
    ],
    ["no node, unexplained", [unschedulable()], "Unschedulable: no node can take the pod"],
    ["nothing, of a pod that goes anyway", [unschedulable(), terminating()], undefined],
    [
      "too little memory, of a TaskManager that is not started again",
      [inPhase("Failed"), ended({ reason: "OOMKilled", exitCode: 137 })],
      `OOMKilled: ${MAIN} killed for using more memory than its limit; give the container more memory`,
    ],
  ])("%s", (_, changes, expected) => {
    expect(problem(...changes)).toBe(expected);
  });

  it("an init container counts, and comes first", () => {
    const status = {
      initContainerStatuses: [
        { name: "fetch", state: { waiting: { reason: "ErrImagePull", message: "no" } } },
      ],
      containerStatuses: [{ name: "main", state: { waiting: { reason: "RunContainerError" } } }],
    };
    expect(podProblems([{ ...pod("jobmanager"), status }])).toEqual([
      { reason: "ErrImagePull", message: "[fetch] no", pod: "job-jobmanager-1" },
    ]);
  });

  it("one problem for each pod, named", () => {
    const pods = [
      pod("taskmanager"),
      pod("taskmanager", named("a"), unschedulable("full")),
      pod("taskmanager", named("b"), waiting("ErrImagePull", "no")),
    ];
    expect(podProblems(pods).map(({ pod: name, reason }) => [name, reason])).toEqual([
      ["a", "Unschedulable"],
      ["b", "ErrImagePull"],
    ]);
  });

  it("a pod without status has none", () => {
    const { status: _, ...bare } = pod("jobmanager");
    expect(podProblems([bare])).toEqual([]);
  });
});

describe("pods that are refused", () => {
  it("are a problem of the Deployment", () => {
    const deployment = jobManagerDeployment(flinkDeployment(), replicaFailure("exceeded quota: memory"));
    expect(creationProblem(deployment)).toEqual({
      reason: "FailedCreate",
      message: "exceeded quota: memory",
      pod: "job",
    });
  });

  it("are none of an ordinary Deployment", () => {
    expect(creationProblem(jobManagerDeployment(flinkDeployment()))).toBeUndefined();
  });
});
