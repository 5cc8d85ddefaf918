/** What is mounted into Flink's containers, in the order of Flink's client, and the variables that go with it. */
import type { EnvVar, Volume, VolumeMount } from "kubernetes-types/core/v1.d.ts";
import type { FlinkVersion } from "../api/flink-deployment.ts";
import { type FlinkConfiguration, getOption } from "../flink/configuration.ts";
import { isAtLeast } from "../flink/flink-version.ts";
import {
  ARTIFACTS_DIR,
  CONF_DIR,
  ENV_FROM_SECRETS,
  HADOOP_CONFIG_MAP,
  HADOOP_MOUNT_ENABLED,
  SECRETS,
  VOLUME_CLAIMS,
  VOLUME_CLAIMS_READ_ONLY,
} from "../flink/kubernetes-options.ts";
import { POD_TEMPLATE_FILE } from "./config-maps.ts";
import { configurationFileName } from "./flink-configuration-file.ts";
import { flinkConfigMapName } from "./names.ts";
import { readBoolean, readMap, readMapList, readText } from "./read-option.ts";

/** Where Flink looks for its TaskManagers' template. */
const POD_TEMPLATE_DIR = "/opt/flink/pod-template";
/** The configuration's; natively Flink gives it this name in the TaskManagers' pods. */
export const CONFIG_VOLUME = "flink-config-volume";
const HADOOP_CONF_DIR = "/opt/hadoop/conf";

export interface Mounted {
  /** Absent: the template has it. */
  readonly volume?: Volume;
  readonly mount: VolumeMount;
}

interface Cluster {
  readonly id: string;
  readonly version: FlinkVersion;
  /** As the cluster's processes read it. */
  readonly config: FlinkConfiguration;
  /** Log files in the configuration's ConfigMap. */
  readonly logs: Readonly<Record<string, string>>;
}

/** A folder that starts empty. */
export function emptyFolder(name: string, mountPath: string): Mounted {
  return { volume: { name, emptyDir: {} }, mount: { name, mountPath } };
}

/** Where the JobManager puts jars that it fetches. */
export function artifacts(config: FlinkConfiguration): Mounted {
  return emptyFolder("user-artifacts-volume", readText(config, ARTIFACTS_DIR));
}

function secrets(config: FlinkConfiguration): Mounted[] {
  return Object.entries(readMap(config, SECRETS)).map(([secretName, mountPath]) => {
    const name = `${secretName}-volume`;
    return { volume: { name, secret: { secretName } }, mount: { name, mountPath } };
  });
}

function volumeClaims(config: FlinkConfiguration): Mounted[] {
  const readOnly = readBoolean(config, VOLUME_CLAIMS_READ_ONLY);
  return Object.entries(readMap(config, VOLUME_CLAIMS)).map(([claimName, mountPath]) => {
    const name = `${claimName.replaceAll(".", "-")}-pvc`;
    return {
      volume: { name, persistentVolumeClaim: { claimName, readOnly } },
      mount: { name, mountPath, readOnly },
    };
  });
}

function hadoop(config: FlinkConfiguration): Mounted[] {
  const configMap = getOption(config, HADOOP_CONFIG_MAP)?.trim() ?? "";
  if (configMap === "" || !readBoolean(config, HADOOP_MOUNT_ENABLED)) return [];
  const name = "hadoop-config-volume";
  return [{ volume: { name, configMap: { name: configMap } }, mount: { name, mountPath: HADOOP_CONF_DIR } }];
}

function files(name: string, configMap: string, names: readonly string[], mountPath: string): Mounted {
  const items = names.map((file) => ({ key: file, path: file }));
  return { volume: { name, configMap: { name: configMap, items } }, mount: { name, mountPath } };
}

/** The TaskManagers' template, for a JobManager that makes their pods. */
export function podTemplateFile(id: string): Mounted {
  return files("pod-template-volume", `pod-template-${id}`, [POD_TEMPLATE_FILE], POD_TEMPLATE_DIR);
}

/** What the configuration asks for, and the configuration itself. */
export function configuredMounts({ id, version, config, logs }: Cluster): Mounted[] {
  return [
    ...secrets(config),
    // Flink's TaskManagers mount them from 2.3 on; a JobManager alone with them would be of no use.
    ...(isAtLeast(version, 2, 3) ? volumeClaims(config) : []),
    ...hadoop(config),
    files(
      CONFIG_VOLUME,
      flinkConfigMapName(id),
      [...Object.keys(logs), configurationFileName(version)],
      readText(config, CONF_DIR),
    ),
  ];
}

export function configuredVariables(config: FlinkConfiguration): EnvVar[] {
  const fromSecrets = readMapList(config, ENV_FROM_SECRETS).map(({ env = "", secret, key = "" }) => ({
    name: env,
    valueFrom: { secretKeyRef: { ...(secret === undefined ? {} : { name: secret }), key } },
  }));
  const isHadoop = hadoop(config).length > 0;
  return [...fromSecrets, ...(isHadoop ? [{ name: "HADOOP_CONF_DIR", value: HADOOP_CONF_DIR }] : [])];
}
