import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { kubernetesSchemaFile } from "../../tools/generate/kubernetes-schema.ts";

it("embeds the Kubernetes types of the OpenAPI document it names", { timeout: 600_000 }, async () => {
  const committed = await readFile("src/api/k8s/kubernetes.generated.ts", "utf8");
  expect(committed).toBe(await kubernetesSchemaFile());
});
