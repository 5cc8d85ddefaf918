/** Passes over FlinkSessionJobs. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import { FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS } from "../kube/resource-type.ts";
import type { SubmitJob } from "../reconcile/decision.ts";
import { deployedRestPort } from "../reconcile/deployment/rest-port.ts";
import { decideSessionJob } from "../reconcile/session-job/decide.ts";
import { nextSessionJobQuestions } from "../reconcile/session-job/questions.ts";
import { askFlink } from "./gather.ts";
import { type Decided, type Dependencies, type Memory, ResourceController } from "./resource-controller.ts";
import type { Submissions } from "./submissions.ts";

interface Gathered {
  readonly resource: FlinkSessionJob;
  readonly session: FlinkDeployment | undefined;
}

export interface SessionJobDependencies extends Dependencies {
  readonly submissions: Submissions;
  /** As `flinkFor`, for calls that last: they must not stand in the others' way. */
  readonly jarClientFor: Dependencies["flinkFor"];
}

export class FlinkSessionJobController extends ResourceController<FlinkSessionJob, Gathered> {
  readonly #deps: SessionJobDependencies;

  constructor(deps: SessionJobDependencies) {
    super(deps, FLINK_SESSION_JOBS, deps.caches.sessionJobs);
    this.#deps = deps;
  }

  protected override fromCache(namespace: string, name: string): Gathered | undefined {
    const resource = this.deps.caches.sessionJobs.get(namespace, name);
    if (resource === undefined) return undefined;
    const session = this.deps.caches.resources.get(namespace, resource.spec.deploymentName ?? "");
    return { resource, session };
  }

  protected override async live(namespace: string, name: string): Promise<Gathered | undefined> {
    const { client } = this.deps;
    const resource = await client.get<FlinkSessionJob>(FLINK_SESSION_JOBS, namespace, name);
    if (resource === undefined) return undefined;
    const { deploymentName = "" } = resource.spec;
    if (deploymentName === "") return { resource, session: undefined };
    return {
      resource,
      session: await client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, deploymentName),
    };
  }

  protected override async decide(gathered: Gathered, memory: Memory): Promise<Decided> {
    const { resource, session } = gathered;
    const options = this.options(resource, session?.spec.flinkVersion);
    // Before Flink is asked: a job that it does not list then was not there after the submission had failed.
    const submission = this.#deps.submissions.of(keyOf(resource));
    const flink = this.#deps.flinkFor(...this.#address(resource, session));
    const flinkAnswers = await askFlink(
      flink,
      resource,
      (answers) => nextSessionJobQuestions(resource, session, answers, options.defaults),
      () => resource.status?.jobStatus?.jobId ?? "",
    );
    const { failure, exceptionsReportedUntil } = memory;
    const observed = { resource, session, submission, flink: flinkAnswers, failure, exceptionsReportedUntil };
    return { decision: decideSessionJob(observed, this.deps.now(), options), flink };
  }

  protected override submit(written: FlinkSessionJob, action: SubmitJob): void {
    const { namespace = "default" } = written.metadata;
    const session = this.deps.caches.resources.get(namespace, written.spec.deploymentName ?? "");
    const flink = this.#deps.jarClientFor(...this.#address(written, session));
    this.#deps.submissions.begin(keyOf(written), action, flink);
  }

  protected override forget(key: string): void {
    super.forget(key);
    this.#deps.submissions.forget(key);
  }

  /** Of the session cluster's REST API. */
  #address(
    resource: FlinkSessionJob,
    session: FlinkDeployment | undefined,
  ): [namespace: string, name: string, port: number] {
    const { namespace = "default" } = resource.metadata;
    const { defaults } = this.options(resource, session?.spec.flinkVersion);
    const port = session === undefined ? 0 : deployedRestPort(session, defaults);
    return [namespace, resource.spec.deploymentName ?? "", port];
  }
}

function keyOf({ metadata }: FlinkSessionJob): string {
  return `${metadata.namespace ?? "default"}/${metadata.name}`;
}
