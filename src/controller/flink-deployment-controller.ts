/** Passes over FlinkDeployments. */
import type { FlinkDeployment, FlinkDeploymentStatus } from "../api/flink-deployment.ts";
import { FLINK_DEPLOYMENTS } from "../kube/resource-type.ts";
import type { Decision } from "../reconcile/decision.ts";
import { DeploymentDecisions } from "./deployment-decisions.ts";
import { execute } from "./execute.ts";
import { gatherFromCache, type Gathered, gatherLive, namespaceOf } from "./gather.ts";
import { type JobDependencies, optionsFor } from "./job-passes.ts";
import { LastWords } from "./last-words.ts";
import { apiServer, PassShell, type PassOutcome } from "./pass-shell.ts";
import type { FindRetained } from "./retained-looks.ts";

export interface Dependencies extends JobDependencies {
  readonly findRetained: FindRetained;
}

export class FlinkDeploymentController {
  private readonly shell: PassShell<FlinkDeployment, Gathered, Decision>;

  constructor(deps: Dependencies) {
    const { cachesFor, client, config, log } = deps;
    const decisions = new DeploymentDecisions({
      ...deps,
      options: (resource) => optionsFor(config(), resource, resource.spec?.flinkVersion),
      execute: (action, resource, flink) => execute(action, { client, flink, resource, submit }),
    });
    const lastWords = new LastWords(client);
    const heard = async (gathered: Gathered | undefined): Promise<Gathered | undefined> =>
      gathered && { ...gathered, cluster: await lastWords.heard(gathered.cluster) };
    const keep = (resource: FlinkDeployment): void =>
      cachesFor(namespaceOf(resource))?.resources.put(resource);
    this.shell = new PassShell(apiServer(deps, FLINK_DEPLOYMENTS, keep), {
      ...decisions.parts(),
      fromCache: async (namespace, name) =>
        heard(await gatherFromCache(client, cachesFor(namespace), namespace, name)),
      live: async (namespace, name) => heard(await gatherLive(client, cachesFor(namespace), namespace, name)),
      written: (key, before, { lifecycleState }: FlinkDeploymentStatus) => {
        if (before.status?.lifecycleState !== lifecycleState)
          log.info({ key, lifecycleState }, "lifecycle state changed");
      },
    });
  }

  /** One pass over the resource `namespace/name`. Throws only what the queue should retry and log. */
  pass(key: string): Promise<PassOutcome> {
    return this.shell.pass(key);
  }
}

function submit(): void {
  throw new Error("a FlinkDeployment starts its job with its cluster");
}
