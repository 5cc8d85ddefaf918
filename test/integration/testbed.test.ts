import { expect, test } from "vitest";
import { apiTestbed } from "../support/api-testbed.ts";

test("the api testbed answers, and collects what a deleted owner leaves", async () => {
  const { kubectl, freshNamespace } = apiTestbed();
  const namespace = await freshNamespace();
  await kubectl(["create", "deployment", "owner", "--image=none", "-n", namespace]);
  await kubectl(["wait", "--for=create", "replicaset", "-l", "app=owner", "-n", namespace, "--timeout=30s"]);
  await kubectl(["delete", "deployment", "owner", "-n", namespace]);
  await kubectl(["wait", "--for=delete", "replicaset", "-l", "app=owner", "-n", namespace, "--timeout=30s"]);
  expect(await kubectl(["get", "replicasets", "-n", namespace, "-o", "name"])).toBe("");
});
