/** Flink's configuration and command lines for the processes of one machine; the same as in a cluster but for addresses. */
import type { FlinkVersion } from "../../api/flink-deployment.ts";
import {
  type FlinkConfiguration,
  flattenConfiguration,
  type Option,
  withoutOption,
} from "../../flink/configuration.ts";
import { secretValues } from "../../flink/secret-values.ts";
import {
  BLOB_PORT,
  JM_RPC_ADDRESS,
  JM_RPC_PORT,
  REST_BIND_PORT,
  TM_RPC_PORT,
} from "../../flink/kubernetes-options.ts";
import { jobManagerMemory, taskManagerMemory } from "../../flink/memory-model.ts";
import type { ClusterInputs } from "../../resources/cluster-inputs.ts";
import {
  assembledConfiguration,
  requireVersion,
  withoutOperatorOptions,
} from "../../resources/configuration.ts";
import { configurationFile, configurationFileName } from "../../resources/flink-configuration-file.ts";
import { logFiles } from "../../resources/log-files.ts";
import { CLASSPATHS, jobManagerArguments } from "../../resources/standalone-job.ts";
import { withSpecDefaults } from "../../api/defaults.ts";

export interface Ports {
  readonly rest: number;
  readonly rpc: number;
}

export interface LocalCluster {
  readonly version: FlinkVersion;
  /** Files of FLINK_CONF_DIR, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Of standalone-job.sh. */
  readonly jobManagerArguments: readonly string[];
  readonly config: FlinkConfiguration;
}

const LOOPBACK = "127.0.0.1";

/** Where processes listen and find each other is decided here alone. */
const ADDRESSES: readonly Option[] = [
  REST_BIND_PORT,
  { key: "rest.port" },
  { key: "rest.address" },
  { key: "rest.bind-address", aliases: ["web.address", "jobmanager.web.address"] },
  JM_RPC_ADDRESS,
  JM_RPC_PORT,
  { key: "jobmanager.rpc.bind-port" },
  { key: "jobmanager.bind-host" },
  BLOB_PORT,
  TM_RPC_PORT,
  { key: "taskmanager.rpc.bind-port" },
  { key: "taskmanager.data.port" },
  { key: "taskmanager.data.bind-port" },
  { key: "taskmanager.host" },
  { key: "taskmanager.bind-host" },
];

function withAddresses(config: FlinkConfiguration, { rest, rpc }: Ports): Record<string, string> {
  return {
    ...ADDRESSES.reduce<Record<string, string>>(withoutOption, { ...config }),
    "rest.address": LOOPBACK,
    "rest.bind-address": LOOPBACK,
    "rest.port": String(rest),
    "jobmanager.rpc.address": LOOPBACK,
    "jobmanager.rpc.port": String(rpc),
    "jobmanager.bind-host": LOOPBACK,
    "taskmanager.host": LOOPBACK,
    "taskmanager.bind-host": LOOPBACK,
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

function secrets({ defaults, spec }: ClusterInputs, env: Environment): Record<string, string> {
  const config = { ...defaults, ...flattenConfiguration(spec.flinkConfiguration) };
  return Object.fromEntries(
    secretValues(config).flatMap(({ option }) => {
      const value = env[secretVariable(option)];
      return value === undefined ? [] : [[option, value]];
    }),
  );
}

/**
 * `temporary`: a folder for what nobody needs after the processes' end.
 * @throws InvalidClusterError when the job file asks for what Flink refuses too.
 */
export function localCluster(
  inputs: ClusterInputs,
  ports: Ports,
  temporary: string,
  env: Environment = {},
): LocalCluster {
  const spec = withSpecDefaults(inputs.spec);
  const version = requireVersion(spec);
  const flink = Object.entries(withoutOperatorOptions(assembledConfiguration(inputs))).filter(
    ([key]) => !key.startsWith("kubernetes."),
  );
  // The jar is handed over as an argument; found twice, Flink refuses it.
  const config = {
    ...withoutOption(withAddresses(Object.fromEntries(flink), ports), CLASSPATHS),
    ...secrets(inputs, env),
    "io.tmp.dirs": temporary,
  };
  const [, ...rest] = jobManagerArguments(spec, config);
  const jar = spec.job?.jarURI ?? "";
  return {
    version,
    config,
    files: {
      ...logFiles(spec, inputs.logConfiguration),
      [configurationFileName(version)]: configurationFile(config, version),
    },
    // It takes all that follows up to the next option.
    jobManagerArguments: [...(jar === "" ? [] : ["--jars", jar]), ...rest],
  };
}

/** The variable that has the value of an option which is in a Secret in a cluster. */
export function secretVariable(option: string): string {
  return `SLUICE_SECRET_${option.toUpperCase().replaceAll(/[^A-Z\d]/g, "_")}`;
}

/** Bytes that the cluster's processes may use together, as Flink divides them; undefined where Flink would refuse. */
export function clusterMemory({ config, version }: LocalCluster, taskManagers: number): number | undefined {
  const one = jobManagerMemory(config, version).memory?.totalProcess;
  const each = taskManagerMemory(config, version).memory?.totalProcess;
  return one === undefined || each === undefined ? undefined : one + each * taskManagers;
}
