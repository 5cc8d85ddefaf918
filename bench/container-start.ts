/**
 * How soon a command in the container image is at work, on the node testbed (root; `bin/testbed up` before).
 *
 *     node bench/container-start.ts [runs]
 *
 * Each run is a pod of the image. From the start of its process, as the kernel has it (hundredths of a second), until the API
 * server, here one that refuses everything, hears of it. What starts a pod is not Sluice's and not measured.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { stringify } from "yaml";
import { bridgeAddress } from "../testbed/lib/node/layout.ts";
import { attachNode } from "../testbed/node.ts";

const runs = Number(process.argv[2] ?? 5);
const testbed = attachNode();
const TICKS = 100;

/** Seconds since the machine's start. */
const uptime = (): number => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);

interface Took {
  /** Seconds since the start of the process, and of processor time until then. */
  readonly wall: number;
  readonly cpu: number;
}

/** Of the command's process, at `now`; undefined when there is none. */
function tookUntil(now: number, command: string): Took | undefined {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (args[1] !== "/app/sluice.mjs" || args[2] !== command) continue;
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const [user = 0, system = 0, start = 0] = [11, 12, 19].map((nth) => Number(fields[nth]) / TICKS);
      return { wall: now - start, cpu: user + system };
    } catch {
      // It has ended.
    }
  }
  return undefined;
}

const namespace = await testbed.freshNamespace("bench");
let heard: (took: Took) => void = () => {};
let command = "";
const server = createServer((_, response) => {
  const now = uptime();
  const took = tookUntil(now, command);
  if (took !== undefined) heard(took);
  response.writeHead(403, { "content-type": "application/json" }).end("{}");
});
await new Promise<void>((resolve) => server.listen(0, bridgeAddress, resolve));
const address = `http://${bridgeAddress}:${(server.address() as AddressInfo).port}`;
const kubeconfig = {
  "current-context": "c",
  clusters: [{ name: "c", cluster: { server: address } }],
  users: [{ name: "u", user: {} }],
  contexts: [{ name: "c", context: { cluster: "c", user: "u", namespace: "default" } }],
};
const jobFile = readFileSync(join(import.meta.dirname, "../examples/counting-job.yaml"), "utf8");
const files = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "files", namespace },
  data: { kubeconfig: JSON.stringify(kubeconfig), "job.yaml": jobFile },
};
await testbed.kubectl(["apply", "-f", "-"], stringify(files));

async function once(args: readonly string[]): Promise<Took> {
  const first = new Promise<Took>((resolve) => (heard = resolve));
  const container = {
    name: "sluice",
    image: "sluice.test/sluice:dev",
    imagePullPolicy: "Never",
    args,
    env: [
      { name: "NODE_OPTIONS", value: "--max-semi-space-size=1" },
      { name: "MALLOC_ARENA_MAX", value: "1" },
    ],
    resources: { requests: { cpu: "50m", memory: "100Mi" }, limits: { memory: "256Mi" } },
    volumeMounts: [{ name: "files", mountPath: "/files" }],
  };
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "command", namespace },
    spec: {
      restartPolicy: "Never",
      containers: [container],
      volumes: [{ name: "files", configMap: { name: "files" } }],
    },
  };
  await testbed.kubectl(["apply", "-f", "-"], stringify(pod));
  const took = await first;
  await testbed.kubectl(["-n", namespace, "delete", "pod", "command", "--grace-period=0", "--force"]);
  return took;
}

try {
  for (const args of [
    ["stop", "counting"],
    ["start", "-f", "/files/job.yaml"],
    ["update", "-f", "/files/job.yaml"],
  ]) {
    command = args[0] ?? "";
    const all: Took[] = [];
    for (let run = 0; run < runs; run++) all.push(await once([...args, "--kubeconfig", "/files/kubeconfig"]));
    const show = (of: (took: Took) => number): string => {
      const sorted = all.map(of).toSorted((a, b) => a - b);
      return [0, 0.5, 1].map((share) => sorted[Math.floor((runs - 1) * share)]?.toFixed(2)).join(" / ");
    };
    const [wall, cpu] = [show((one) => one.wall), show((one) => one.cpu)];
    console.log(`${command}: first call after ${wall} s, ${cpu} s CPU (least, median, most of ${runs})`);
  }
} finally {
  server.close();
  await testbed.kubectl(["delete", "namespace", namespace, "--wait=false"]);
}
