/**
 * NetworkPolicies that hold: the bridge alone knows of none. kube-router's firewall, and nothing else of it, beside the other
 * components where a test asks for it; pods that no policy selects are as free as before.
 */
import { join } from "node:path";
import { builtPrograms } from "../builds.ts";
import { flags } from "../control-plane.ts";
import { assertAlive, isAlive, readIdentity, start } from "../processes.ts";
import { waitFor } from "../wait.ts";
import { bridgeAddress, nodeName, serviceRange } from "./layout.ts";
import { savedRules } from "./traces.ts";

const NAME = "kube-router";

/** From its return on, what a policy denies is refused. Stays until the testbed goes down. The first time on a machine it compiles. */
export async function enforcePolicies(dir: string): Promise<void> {
  const running = readIdentity(dir, NAME);
  if (running === undefined || !isAlive(running)) await startFirewall(dir);
  await waitFor("the firewall of NetworkPolicies", isInForce, {
    deadline: 60_000,
    alive: () => assertAlive(dir, NAME),
  });
}

async function startFirewall(dir: string): Promise<void> {
  const args = flags({
    kubeconfig: `${dir}/pki/admin.kubeconfig`,
    "hostname-override": nodeName,
    "service-cluster-ip-range": serviceRange,
    "run-firewall": true,
    "run-router": false,
    "run-service-proxy": false,
    "enable-cni": false,
    "health-port": 0,
    "metrics-addr": bridgeAddress,
  });
  const command = join(await builtPrograms(NAME), NAME);
  start({ name: NAME, command, args, dir, lifetime: "detached" });
}

async function isInForce(): Promise<boolean> {
  return /^-A FORWARD .*-j KUBE-ROUTER-FORWARD$/m.test(await savedRules("iptables"));
}
