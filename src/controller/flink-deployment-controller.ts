/** Passes over FlinkDeployments. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import { FLINK_DEPLOYMENTS } from "../kube/resource-type.ts";
import { decide } from "../reconcile/deployment/decide.ts";
import { jobWithExceptions, nextQuestions } from "../reconcile/deployment/questions.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { askFlink, gatherFromCache, type Gathered, gatherLive } from "./gather.ts";
import { type Decided, type Dependencies, type Memory, ResourceController } from "./resource-controller.ts";

export class FlinkDeploymentController extends ResourceController<FlinkDeployment, Gathered> {
  constructor(deps: Dependencies) {
    super(deps, FLINK_DEPLOYMENTS, deps.caches.resources);
  }

  protected override fromCache(namespace: string, name: string): Gathered | undefined {
    return gatherFromCache(this.deps.caches, namespace, name);
  }

  protected override live(namespace: string, name: string): Promise<Gathered | undefined> {
    return gatherLive(this.deps.client, namespace, name);
  }

  protected override submit(): void {
    throw new Error("a FlinkDeployment starts its job with its cluster");
  }

  protected override async decide(gathered: Gathered, memory: Memory): Promise<Decided> {
    const { resource } = gathered;
    const { namespace = "default", name } = resource.metadata;
    const options = this.options(resource, resource.spec.flinkVersion);
    const port = deployedRestPort(resource, options.defaults);
    const flink = this.deps.flinkFor(namespace, name, port);
    const answers = await askFlink(
      flink,
      resource,
      (known) => nextQuestions(resource, gathered.cluster, known, options.defaults),
      (known) => jobWithExceptions(resource, known),
    );
    const { failure, exceptionsReportedUntil } = memory;
    const observed = { ...gathered, flink: answers, failure, exceptionsReportedUntil };
    return { decision: decide(observed, this.deps.now(), options), flink };
  }
}
