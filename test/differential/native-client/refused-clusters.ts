import { application, type Cluster, withOptions } from "./specs.ts";

/** What neither renders. */
export const refused: readonly Cluster[] = [
  { name: "a name that is too long", spec: application(), id: "a".repeat(46) },
  {
    name: "two JobManagers without HA",
    spec: application({ jobManager: { replicas: 2, resource: { memory: "1600m" } } }),
  },
  { name: "a limit below the request", spec: withOptions({ "kubernetes.jobmanager.cpu.limit-factor": 0.5 }) },
  { name: "a range of ports", spec: withOptions({ "rest.bind-port": "8081-8090" }) },
  { name: "a port that is a word", spec: withOptions({ "blob.server.port": "any" }) },
  {
    name: "a number that is a word",
    spec: withOptions({ "kubernetes.jobmanager.memory.limit-factor": "one" }),
  },
  {
    name: "a service type that is none",
    spec: withOptions({ "kubernetes.rest-service.exposed.type": "Public" }),
  },
  {
    name: "a pull policy that is none",
    spec: withOptions({ "kubernetes.container.image.pull-policy": "Daily" }),
  },
  { name: "labels that are no map", spec: withOptions({ "kubernetes.jobmanager.labels": "a,b" }) },
  { name: "a quote that is never closed", spec: withOptions({ "kubernetes.secrets": "'a:b" }) },
  { name: "a flag that is neither", spec: withOptions({ "kubernetes.hostnetwork.enabled": "maybe" }) },
  { name: "no memory", spec: application({ jobManager: {} }) },
  { name: "too little memory", spec: application({ jobManager: { resource: { memory: "300m" } } }) },
];
