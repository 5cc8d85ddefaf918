/** 10,000 resources of all kinds, almost right, through validation, webhook and decisions: no crash, no hang. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { anyManifest } from "../../testbed/gen/any-manifest.ts";
import { NOW } from "../../testbed/gen/flink-deployment.ts";
import { observed, options } from "../../testbed/gen/observed.ts";
import { observedJob } from "../../testbed/gen/session.ts";
import { GROUP } from "../api/flink-deployment.ts";
import { kinds } from "../api/kinds.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { decide } from "../reconcile/deployment/decide.ts";
import { decideSessionJob } from "../reconcile/session-job/decide.ts";
import { decideSnapshot } from "../reconcile/snapshot/decide.ts";
import { wrongValues } from "../reconcile/validation/schema-check.ts";
import { type AdmissionRequest, mutateAdmission, readReview, validateAdmission } from "./admission.ts";

const EACH = Number(process.env["FUZZ"] ?? 10_000) / kinds.length;
/** Milliseconds for one, on a busy machine. */
const HANGS = 5000;

function decisionOf(resource: KubeObject): unknown {
  switch (resource.kind) {
    case "FlinkDeployment":
      return decide(observed(resource as never), NOW, options());
    case "FlinkSessionJob":
      return decideSessionJob(observedJob(resource as never), NOW, options());
    case "FlinkStateSnapshot": {
      const known = { resource, target: undefined, disposal: undefined, flink: {}, failure: undefined };
      return decideSnapshot(known as never, NOW, options());
    }
    default:
      return {};
  }
}

/** As the API server sends it. */
function review(object: KubeObject, operation: "CREATE" | "UPDATE"): AdmissionRequest {
  const kind = { group: GROUP, version: "v1beta1", kind: object.kind };
  const oldObject = operation === "CREATE" ? null : { ...object, spec: { image: "before" } };
  const request = { uid: "u", kind, operation, namespace: "default", object, oldObject };
  return readReview(JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request }));
}

const FIELD = /^(spec|metadata)(\.[\w-]+|\[\d+\]|\["(?:[^"\\]|\\.)*"\])*: \S/;

it.each(kinds.map((kind) => [kind.kind, kind] as const))(
  `${EACH} of the kind %s are judged and decided about, and every refusal names a field`,
  { timeout: 600_000 },
  (_, kind) => {
    let refusals = 0;
    let longest = 0;
    fc.assert(
      fc.property(
        anyManifest(kind),
        fc.constantFrom("CREATE" as const, "UPDATE" as const),
        (any, operation) => {
          const began = performance.now();
          const metadata = { ...(any.metadata as object), namespace: "default", uid: "u", generation: 1 };
          const object = { ...any, metadata } as unknown as KubeObject;
          const answer = validateAdmission(review(object, operation), { operator: {} });
          mutateAdmission(review(object, operation));
          if (!answer.allowed) {
            refusals++;
            expect(answer.status?.message.split("\n")[0]).toMatch(FIELD);
          }
          // What the webhook refuses may be there all the same: it was not always. Not so what the CRD's schema refuses.
          if (wrongValues(object).length === 0) expect(decisionOf(object)).toBeDefined();
          longest = Math.max(longest, performance.now() - began);
        },
      ),
      { numRuns: EACH },
    );
    expect(refusals).toBeGreaterThan(EACH / 10);
    expect(longest).toBeLessThan(HANGS);
  },
);
