import { describe, expect, test } from "vitest";
import type { KubeObject } from "../api/kube-object.ts";
import {
  applyRequest,
  createRequest,
  deleteRequest,
  getRequest,
  isPossibleName,
  listRequest,
  objectPath,
  patchRequest,
  replaceRequest,
  textRequest,
  watchRequest,
} from "./request.ts";
import { apiVersionOf, CRDS, FLINK_DEPLOYMENTS, NAMESPACES, PODS, resourceTypeOf } from "./resource-type.ts";

const pod: KubeObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "a", namespace: "n" },
  spec: { x: 1 },
};

describe("paths", () => {
  test.each([
    ["a core object lives under /api", getRequest(PODS, "n", "a").path, "/api/v1/namespaces/n/pods/a"],
    [
      "an object of a group lives under /apis",
      getRequest(FLINK_DEPLOYMENTS, "n", "a").path,
      "/apis/flink.apache.org/v1beta1/namespaces/n/flinkdeployments/a",
    ],
    [
      "a cluster-scoped object has no namespace",
      getRequest(NAMESPACES, undefined, "n").path,
      "/api/v1/namespaces/n",
    ],
    ["a list of all namespaces has none either", listRequest(PODS).path, "/api/v1/pods"],
    [
      "a list of one namespace is below it",
      listRequest(PODS, { namespace: "n" }).path,
      "/api/v1/namespaces/n/pods",
    ],
    ["a subresource is appended", objectPath(PODS, "n", "a", "log"), "/api/v1/namespaces/n/pods/a/log"],
    [
      "a name is encoded",
      getRequest(PODS, "n", "a/../../b?c").path,
      "/api/v1/namespaces/n/pods/a%2F..%2F..%2Fb%3Fc",
    ],
    [
      "the namespace of a cluster-scoped type is ignored",
      getRequest(CRDS, "n", "x.y").path,
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x.y",
    ],
  ])("%s", (_, path, expected) => expect(path).toBe(expected));

  test.each([
    ["an empty name, which would address the whole collection", () => deleteRequest(PODS, "n", "")],
    ["an empty namespace", () => getRequest(PODS, "", "a")],
    ["no namespace for a namespaced type", () => getRequest(PODS, undefined, "a")],
    ["a name that leads upwards", () => getRequest(PODS, "n", "..")],
    ["an object without a namespace", () => createRequest(PODS, { ...pod, metadata: { name: "a" } })],
  ])("%s is refused", (_, build) => expect(build).toThrow(RangeError));
});

describe("verbs", () => {
  test("a page asks for its size, its place and its selectors", () => {
    const { query } = listRequest(PODS, {
      limit: 5,
      continue: "t",
      labelSelector: "a=b",
      fieldSelector: "c=d",
    });
    expect(query).toEqual({ limit: "5", continue: "t", labelSelector: "a=b", fieldSelector: "c=d" });
  });

  test("a watch asks for bookmarks and says when to end", () => {
    const { path, query } = watchRequest(PODS, { namespace: "n", resourceVersion: "7", timeoutSeconds: 290 });
    expect(path).toBe("/api/v1/namespaces/n/pods");
    expect(query).toEqual({
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: "7",
      timeoutSeconds: "290",
    });
  });

  test("server-side apply names its manager and leaves managedFields out", () => {
    const object = { ...pod, metadata: { ...pod.metadata, managedFields: [{}] } };
    const request = applyRequest(PODS, object, { fieldManager: "sluice", force: true, dryRun: true });
    expect(request.method).toBe("PATCH");
    expect(request.headers).toEqual({ "content-type": "application/apply-patch+yaml" });
    expect(request.query).toEqual({ fieldManager: "sluice", force: "true", dryRun: "All" });
    expect(JSON.parse(request.body as string)).toEqual(pod);
  });

  test("a replacement of the status goes to the subresource and keeps unknown fields", () => {
    const request = replaceRequest(PODS, { ...pod, status: { unheardOf: [1] } }, "status");
    expect([request.method, request.path]).toEqual(["PUT", "/api/v1/namespaces/n/pods/a/status"]);
    expect(JSON.parse(request.body as string)).toEqual({ ...pod, status: { unheardOf: [1] } });
  });

  test.each([
    ["merge", "application/merge-patch+json", true],
    ["json", "application/json-patch+json", false],
    ["strategic", "application/strategic-merge-patch+json", false],
  ] as const)("a %s patch is sent as %s", (kind, contentType, idempotent) => {
    const request = patchRequest(PODS, "n", "a", { x: 1 }, { kind, subresource: "status" });
    expect(request.path).toBe("/api/v1/namespaces/n/pods/a/status");
    expect(request.headers).toEqual({ "content-type": contentType });
    expect(request.idempotent).toBe(idempotent);
  });

  test("a deletion states its preconditions", () => {
    const request = deleteRequest(PODS, "n", "a", {
      uid: "u",
      propagation: "Foreground",
      gracePeriodSeconds: 0,
    });
    expect(JSON.parse(request.body as string)).toEqual({
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: "Foreground",
      gracePeriodSeconds: 0,
      preconditions: { uid: "u" },
    });
  });

  test.each([
    ["get", getRequest(PODS, "n", "a"), true],
    ["text", textRequest("/x"), true],
    ["create", createRequest(PODS, pod), false],
    ["replace", replaceRequest(PODS, pod), true],
    ["delete of any incarnation", deleteRequest(PODS, "n", "a"), false],
    ["delete of one incarnation", deleteRequest(PODS, "n", "a", { uid: "u" }), true],
  ])("%s: may be sent again when the answer got lost: %s", (_, request, expected) => {
    expect(request.idempotent).toBe(expected);
  });
});

describe("resource types", () => {
  test("an object's type is found by its apiVersion and kind", () => {
    expect(resourceTypeOf(pod)).toBe(PODS);
    expect(resourceTypeOf({ apiVersion: "flink.apache.org/v1beta1", kind: "FlinkDeployment" })).toBe(
      FLINK_DEPLOYMENTS,
    );
    expect(resourceTypeOf({ apiVersion: "v2", kind: "Pod" })).toBeUndefined();
  });

  test("the core group has no name", () => {
    expect([apiVersionOf(PODS), apiVersionOf(CRDS)]).toEqual(["v1", "apiextensions.k8s.io/v1"]);
  });
});

test.each([
  ["job", true],
  ["a.b-c", true],
  ["..b", true],
  [".", false],
  ["..", false],
  ["a/../b", false],
  ["s3://b", false],
  ["50%", false],
])("whether an object can be called %j: %j", (name, expected) => {
  expect(isPossibleName(name)).toBe(expected);
});
