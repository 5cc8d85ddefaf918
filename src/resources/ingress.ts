/** The Ingress of a cluster's REST API and web interface (2.15). */
import type { IngressSpec } from "../api/flink-deployment.ts";
import { API_VERSION } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { REST_PORT } from "../flink/options.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { InvalidClusterError } from "./invalid-cluster.ts";
import { nonEmpty } from "./non-empty.ts";
import { readPort } from "./read-option.ts";

export interface IngressUrl {
  /** Empty: any host. */
  readonly host: string;
  /** Empty: any path. It may be a regular expression of the ingress controller, so it is no valid URL path. */
  readonly path: string;
}

/**
 * The URL that a template stands for: `{{name}}` and `{{namespace}}` (in any case) filled in, `http://` in front of
 * one without a scheme.
 * @throws InvalidClusterError when it has a port that is no number.
 */
export function ingressUrl(template: string, name: string, namespace: string): IngressUrl {
  const filled = template
    .trim()
    .replaceAll(/\{\{name\}\}/gi, name)
    .replaceAll(/\{\{namespace\}\}/gi, namespace);
  const rest = filled.replace(/^[a-z][a-z0-9+.-]*:\/\//i, "");
  const end = rest.search(/[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const [, host = "", port = ""] = /^(?:[^@]*@)?([^:]*)(?::(.*))?$/.exec(authority) ?? [];
  if (!/^\d*$/.test(port)) {
    throw new InvalidClusterError(
      "spec.ingress.template",
      `spec.ingress.template: "${template}" is no URL, its port is "${port}"`,
    );
  }
  const path = end < 0 ? "" : rest.slice(end).replace(/[?#].*$/s, "");
  return { host, path };
}

/** Undefined when the job file asks for none. `config` is the deployed one. */
export function renderIngress(
  owner: ClusterInputs["owner"],
  ingress: IngressSpec | null | undefined,
  config: FlinkConfiguration,
): KubeObject | undefined {
  if (ingress === undefined || ingress === null) return undefined;
  const { name, namespace, uid, isRecord = false } = owner;
  if (ingress.template === undefined) {
    throw new InvalidClusterError("spec.ingress.template", "spec.ingress.template is not set");
  }
  const { host, path } = ingressUrl(ingress.template, name, namespace);
  const ownerReference = {
    apiVersion: API_VERSION,
    kind: "FlinkDeployment",
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: {
      name,
      namespace,
      labels: { ...ingress.labels, component: "ingress" },
      ...nonEmpty("annotations", ingress.annotations ?? {}),
      ...(uid === "" || isRecord ? {} : { ownerReferences: [ownerReference] }),
    },
    spec: {
      ...(ingress.className === undefined ? {} : { ingressClassName: ingress.className }),
      ...nonEmpty("tls", ingress.tls ?? []),
      rules: [
        {
          ...(host === "" ? {} : { host }),
          http: {
            paths: [
              {
                ...(path === "" ? {} : { path }),
                pathType: "ImplementationSpecific",
                backend: { service: { name: `${name}-rest`, port: { number: readPort(config, REST_PORT) } } },
              },
            ],
          },
        },
      ],
    },
  };
}
