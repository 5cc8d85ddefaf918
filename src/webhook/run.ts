/** `sluice webhook`: serves admission requests with certificates of its own, or given ones. */
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { KubeClient } from "../kube/client.ts";
import { aborted, pause, systemClock } from "../kube/clock.ts";
import { loadKubeConfig } from "../kube/config.ts";
import { FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS } from "../kube/resource-type.ts";
import { FollowedConfiguration } from "../operator/configuration.ts";
import { followLogLevel } from "../operator/log-level.ts";
import type { Surroundings } from "../reconcile/validation/any-kind.ts";
import { createLogger } from "../telemetry/log.ts";
import {
  type AdmissionRequest,
  type AdmissionResponse,
  lookupFor,
  mutateAdmission,
  validateAdmission,
} from "./admission.ts";
import { GivenCertificates } from "./given-certificates.ts";
import { serveWebhookHealth } from "./health.ts";
import { OwnCertificates } from "./own-certificates.ts";
import { ROTATION, type RotationOptions } from "./rotation.ts";
import { AdmissionServer } from "./server.ts";

export interface WebhookOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly configFile: string | undefined;
  readonly port: number;
  readonly healthPort: number;
  /** Of the Service and the Secret. */
  readonly namespace: string;
  readonly service: string;
  readonly secret: string;
  /** The name of both webhook configurations. */
  readonly configuration: string;
  /** Where `tls.crt` and `tls.key` are; undefined: the webhook makes its own. */
  readonly certificates: string | undefined;
  readonly logLevel: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly rotation?: Partial<RotationOptions>;
  /** Milliseconds between two looks at the certificates. Default 30 s. */
  readonly interval?: number;
  /** Milliseconds for which it goes on serving when it is told to end: it takes others as long to hear of it. */
  readonly drain?: number;
  /** The ports are open. */
  readonly onListen?: (port: number) => void;
}

/** An admission request waits for this, and the API server for both. */
const LOOK_UP_MS = 2000;

/** Without an answer in time nothing is known: what depends on it is then judged by the operator alone. */
async function lookUp(client: KubeClient, request: AdmissionRequest): Promise<Partial<Surroundings>> {
  const lookup = lookupFor(request);
  if (lookup === undefined) return {};
  const type =
    lookup.of === "target" && lookup.kind === "FlinkSessionJob" ? FLINK_SESSION_JOBS : FLINK_DEPLOYMENTS;
  try {
    const call = { deadlineMs: LOOK_UP_MS };
    const found = await client.get<FlinkDeployment>(type, lookup.namespace, lookup.name, call);
    return lookup.of === "session" ? { session: found } : { targetExists: found !== undefined };
  } catch {
    return {};
  }
}

/** Runs until `signal`; resolves when everything has ended. @throws what keeps it from starting. */
export async function runWebhook(options: WebhookOptions, signal: AbortSignal): Promise<void> {
  const { namespace, service, interval = 30_000, drain = 5000 } = options;
  const log = createLogger(options.logLevel);
  const client = new KubeClient(await loadKubeConfig(options));
  const configuration = await FollowedConfiguration.open(options.configFile, options.env, log);
  followLogLevel(configuration, log);
  const operator = (): FlinkConfiguration => configuration.current.configuration;
  const validate = async (request: AdmissionRequest): Promise<AdmissionResponse> =>
    validateAdmission(request, { operator: operator(), ...(await lookUp(client, request)) });
  const health = await serveWebhookHealth(options.healthPort, () => ({
    serving: server.serving,
    problem: certificates.problem,
    isEnding: signal.aborted,
  }));
  const server: AdmissionServer = new AdmissionServer({
    port: options.port,
    answers: { validate, mutate: mutateAdmission },
    log,
    answered: health.answered,
  });
  const use = server.use.bind(server);
  const dnsNames = [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`];
  const certificates =
    options.certificates === undefined
      ? new OwnCertificates({
          ...options,
          client,
          rotation: { ...ROTATION, dnsNames, ...options.rotation },
          interval,
          log,
          use,
        })
      : new GivenCertificates({
          folder: options.certificates,
          interval: Math.min(interval, 10_000),
          log,
          use,
        });
  await server.listen();
  options.onListen?.(server.port);
  log.info({ port: server.port }, "webhook starts");
  const looking = certificates.run(signal);
  await aborted(signal);
  log.info("webhook ends");
  await Promise.all([looking, pause(systemClock, drain)]);
  await server.close();
  configuration.close();
  await client.close();
  await health.close();
}
