/** Kubeconfig files. JSON is YAML, so no library is needed. */
import { readFileSync } from "node:fs";
import type { KeyPair } from "./pki.ts";

function encode(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** A kubeconfig for one user of one cluster, with everything inside so that the file can be copied. */
export function kubeconfig(url: string, caPem: string, client: KeyPair): string {
  return JSON.stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "testbed",
      clusters: [{ name: "testbed", cluster: { server: url, "certificate-authority-data": encode(caPem) } }],
      contexts: [{ name: "testbed", context: { cluster: "testbed", user: "testbed", namespace: "default" } }],
      users: [
        {
          name: "testbed",
          user: {
            "client-certificate-data": encode(readFileSync(client.certificate, "utf8")),
            "client-key-data": encode(readFileSync(client.key, "utf8")),
          },
        },
      ],
    },
    null,
    2,
  );
}
