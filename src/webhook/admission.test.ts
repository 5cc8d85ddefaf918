import { describe, expect, test } from "vitest";
import { flinkDeployment, withSpec } from "../../testbed/gen/flink-deployment.ts";
import { sessionCluster, sessionJob } from "../../testbed/gen/session.ts";
import { snapshot } from "../../testbed/gen/snapshot.ts";
import { GROUP } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import {
  type AdmissionRequest,
  BadReview,
  lookupFor,
  mutateAdmission,
  readReview,
  validateAdmission,
} from "./admission.ts";

const around = { operator: {} };
const invalid = flinkDeployment(withSpec({ serviceAccount: undefined }));

function request(object: KubeObject, fields: Partial<AdmissionRequest> = {}): AdmissionRequest {
  const kind = { group: GROUP, kind: object.kind };
  return { uid: "u", kind, operation: "CREATE", namespace: "default", object, ...fields };
}

function update(before: KubeObject, after: KubeObject): AdmissionRequest {
  return request(after, { operation: "UPDATE", oldObject: before });
}

describe("validation", () => {
  test("allows what is right, and answers the request that was made", () => {
    expect(validateAdmission(request(flinkDeployment()), around)).toEqual({ uid: "u", allowed: true });
  });

  test("refuses with every field, in the operator's words", () => {
    const { allowed, status } = validateAdmission(request(invalid), around);
    expect([allowed, status?.code, status?.reason]).toEqual([false, 422, "Invalid"]);
    expect(status?.message).toMatch(/^spec\.serviceAccount: is required/);
  });

  test("judges what is made for a hand-over when it gets its version", () => {
    const metadata = { ...invalid.metadata, annotations: { "sluice/adopts": "sluice-job" } };
    const before = { ...flinkDeployment(withSpec({ flinkVersion: undefined })), metadata };
    expect(validateAdmission(update(before, { ...invalid, metadata }), around).allowed).toBe(false);
  });

  test("says what is doubtful, and refuses nothing for it", () => {
    const object = flinkDeployment(
      withSpec({ job: null, taskManager: { resource: { memory: "1g" }, replicas: 2 } }),
    );
    const { allowed, warnings } = validateAdmission(request(object), around);
    expect(allowed).toBe(true);
    expect(warnings?.join()).toContain("spec.taskManager.replicas: does nothing");
    expect(warnings?.every((one) => one.length <= 256)).toBe(true);
  });

  test.each<[string, AdmissionRequest]>([
    [
      "a canary",
      request({
        ...invalid,
        metadata: { ...invalid.metadata, labels: { "flink.apache.org/canary": "true" } },
      }),
    ],
    [
      "what is made for a hand-over, and has no version yet",
      request({
        ...flinkDeployment(withSpec({ flinkVersion: undefined })),
        metadata: { ...invalid.metadata, annotations: { "sluice/adopts": "sluice-job" } },
      }),
    ],
    [
      "what is being deleted",
      update(
        { ...invalid, spec: {} },
        { ...invalid, metadata: { ...invalid.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } },
      ),
    ],
    [
      "an invalid spec that stays as it is",
      update(invalid, { ...invalid, metadata: { ...invalid.metadata, labels: { a: "b" } } }),
    ],
    ["a deletion", request(invalid, { operation: "DELETE", object: null, oldObject: invalid })],
  ])("lets %s pass", (_, made) => {
    expect(validateAdmission(made, around).allowed).toBe(true);
  });

  test("judges a change of an invalid spec", () => {
    const changed = { ...invalid, spec: { ...invalid.spec, image: "other" } };
    expect(validateAdmission(update(invalid, changed), around).allowed).toBe(false);
  });

  test("believes the status that is there, not the one that is sent", () => {
    const lastReconciledSpec = JSON.stringify({ spec: flinkDeployment().spec, resource_metadata: {} });
    const status = { reconciliationStatus: { state: "DEPLOYED", lastReconciledSpec } };
    const before = { ...flinkDeployment(), status } as KubeObject;
    const after = flinkDeployment(withSpec({ mode: "standalone" }));
    expect(validateAdmission(update(before, after), around).status?.message).toMatch(/^spec\.mode: /);
    const unreadable = { ...flinkDeployment(), status: { reconciliationStatus: "nonsense" } } as KubeObject;
    expect(validateAdmission(update(unreadable, after), around).allowed).toBe(true);
  });

  test("refuses kinds that are not Flink's", () => {
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" } };
    const answer = validateAdmission(request(pod, { kind: { group: "", kind: "Pod" } }), around);
    expect([answer.allowed, answer.status?.message]).toEqual([false, "Unexpected resource: Pod"]);
  });
});

describe("what is looked up", () => {
  test("is the cluster of a session job, and the job of a snapshot", () => {
    expect(lookupFor(request(sessionJob()))).toEqual({ of: "session", namespace: "default", name: "job" });
    expect(lookupFor(request(snapshot()))).toEqual({
      of: "target",
      kind: "FlinkDeployment",
      namespace: "default",
      name: "job",
    });
    expect(lookupFor(request(flinkDeployment()))).toBeUndefined();
    expect(
      lookupFor(
        request(sessionJob(({ spec }) => void delete (spec as { deploymentName?: string }).deploymentName)),
      ),
    ).toBeUndefined();
  });

  test("decides", () => {
    const application = flinkDeployment();
    const job = request(sessionJob());
    expect(validateAdmission(job, { ...around, session: application }).status?.message).toMatch(
      /^spec\.deploymentName: /,
    );
    expect(validateAdmission(job, { ...around, session: sessionCluster() }).allowed).toBe(true);
    const { allowed, status } = validateAdmission(request(snapshot()), { ...around, targetExists: false });
    expect([allowed, status?.message]).toEqual([false, expect.stringMatching(/^spec\.jobReference: /)]);
    expect(validateAdmission(request(snapshot()), around).allowed).toBe(true);
  });
});

describe("mutation", () => {
  const patchOf = (object: KubeObject): unknown => {
    const { patch } = mutateAdmission(request(object));
    return patch === undefined ? undefined : JSON.parse(Buffer.from(patch, "base64").toString());
  };

  test("gives a session job its cluster's label, where it lacks it", () => {
    expect(patchOf(sessionJob())).toEqual([
      { op: "add", path: "/metadata/labels", value: { "target.session": "job" } },
    ]);
    const labelled = (labels: Record<string, string>) =>
      sessionJob(({ metadata }) => void (metadata.labels = labels));
    expect(patchOf(labelled({ a: "b" }))).toEqual([
      { op: "add", path: "/metadata/labels/target.session", value: "job" },
    ]);
    expect(patchOf(labelled({ "target.session": "other" }))).toHaveLength(1);
    expect(patchOf(labelled({ "target.session": "job" }))).toBeUndefined();
  });

  test("leaves everything else as it is, also a name that is no label", () => {
    expect(patchOf(flinkDeployment())).toBeUndefined();
    expect(patchOf(snapshot())).toBeUndefined();
    expect(patchOf(sessionJob(({ spec }) => void (spec.deploymentName = "Not A Name")))).toBeUndefined();
  });
});

test.each([
  ["{", "the body is not JSON"],
  ["[]", "the body is no AdmissionReview"],
  ['{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}', "the version"],
  ['{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}', "has no request"],
  ['{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":1}}', "has no request"],
])("%s is no review", (text, why) => {
  expect(() => readReview(text)).toThrow(BadReview);
  expect(() => readReview(text)).toThrow(why);
});
