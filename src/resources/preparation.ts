/**
 * What happens in a pod before Flink starts: values of Secrets are put into Flink's configuration, a remote jar is
 * fetched. Each is an init container with a folder of its own, put into the pod template, so that it is the same for all
 * pods, those that Flink makes as well (docs/adr/0008, docs/adr/0009).
 */
import type { Container, EnvVar, Volume, VolumeMount } from "kubernetes-types/core/v1.d.ts";
import type { PodTemplate } from "../api/flink-deployment.ts";
import { type JarFetch, FETCHED_JAR } from "../flink/jar-fetch.ts";
import { CONF_DIR } from "../flink/kubernetes-options.ts";
import { type SecretValue, secretValues } from "../flink/secret-values.ts";
import { type FlinkPod, flinkImage, processResources } from "./flink-pod.ts";
import type { FlinkProcess } from "./flink-process.ts";
import { CONFIG_VOLUME } from "./mounts.ts";
import { MAIN_CONTAINER, withMainContainer } from "./pod-template.ts";
import { readText } from "./read-option.ts";
import type { ClusterBase } from "./rendered-cluster.ts";

/** Where Flink has its configuration when some of it comes from Secrets. */
const SECRET_CONF_DIR = "/opt/sluice/conf";
const CONFIGURATION_STEP = "sluice-configuration";
const JAR_STEP = "sluice-fetch-jar";
const JAR_DIR = "/opt/sluice/jar";
const JAR_FILE = "job.jar";
/** Before each name of the jar's Secret, so that it sets no variable that means something to the program itself. */
const JAR_VARIABLES = "SLUICE_JAR_";

/**
 * The configuration, and after it a line for each option. Log files stay the ConfigMap's own, which may change while Flink
 * runs. In config.yaml a value is a quoted text, and any text can be
 * one. The older flink-conf.yaml has no quotes: what it cannot hold ends here, before Flink would read half of it.
 * No "$(": Kubernetes would take it for a variable of its own.
 */
const WRITE_CONFIGURATION = `
set -euo pipefail
fail() { echo "error: the value of $1 from its Secret $2" >&2; exit 1; }
ln -sf "$FROM"/* "$TO"/
name=config.yaml
[ -e "$FROM/$name" ] || name=flink-conf.yaml
file=$TO/$name
rm -f "$file"
cp -L "$FROM/$name" "$file"
number=0
for option in "$@"; do
  ((++number))
  variable=VALUE_$number
  value=\${!variable}
  if [ "$file" = "$TO/config.yaml" ]; then
    value=\${value//\\\\/\\\\\\\\}
    value=\${value//\\"/\\\\\\"}
    value=\${value//$'\\n'/\\\\n}
    value=\${value//$'\\r'/\\\\r}
    value=\${value//$'\\t'/\\\\t}
    [[ $value != *[[:cntrl:]]* ]] || fail "$option" "has a control character"
    value=\\"$value\\"
  else
    [ -n "$value" ] || fail "$option" "is empty, which Flink 1 takes for not set"
    [[ $value != *[[:cntrl:]]* ]] || fail "$option" "has a line break or another control character: Flink 1 reads its configuration by lines"
    [[ $value != *"#"* ]] || fail "$option" "has a #, with which Flink 1 begins a comment"
    [[ $value != " "* && $value != *" " ]] || fail "$option" "begins or ends with a blank, which Flink 1 cuts off"
  fi
  printf '%s: %s\\n' "$option" "$value" >>"$file"
done
`;

interface Step {
  readonly name: string;
  readonly container: Partial<Container>;
  readonly volume: Volume;
  /** What Flink's own container gets from it. */
  readonly mount: VolumeMount;
  readonly env?: EnvVar;
}

function writeConfiguration(values: readonly SecretValue[], pod: Prepared, main: Container): Step {
  const from = readText(pod.config, CONF_DIR);
  const name = CONFIGURATION_STEP;
  return {
    name,
    container: {
      ...flinkImage(pod, main),
      command: ["bash", "-c", WRITE_CONFIGURATION, name],
      args: values.map(({ option }) => option),
      env: [
        { name: "FROM", value: from },
        { name: "TO", value: SECRET_CONF_DIR },
        ...values.map(({ secret, key }, index) => ({
          name: `VALUE_${index + 1}`,
          valueFrom: { secretKeyRef: { name: secret, key } },
        })),
      ],
      volumeMounts: [
        { name: CONFIG_VOLUME, mountPath: from },
        { name, mountPath: SECRET_CONF_DIR },
      ],
    },
    // Never on a disk.
    volume: { name, emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
    mount: { name, mountPath: SECRET_CONF_DIR, readOnly: true },
    env: { name: "FLINK_CONF_DIR", value: SECRET_CONF_DIR },
  };
}

/** `$(NAME)` in arguments is Kubernetes' to replace. */
function literal(text: string): string {
  return text.replaceAll("$(", "$$$$(");
}

/** `configuration`: where Flink's is, with its S3 endpoint and keys. */
function fetchJar({ uri, image, secret, sha256 }: JarFetch, configuration: VolumeMount): Step {
  const name = JAR_STEP;
  return {
    name,
    container: {
      image,
      args: [
        "fetch-jar",
        literal(uri),
        "--to",
        `${JAR_DIR}/${JAR_FILE}`,
        "--flink-conf",
        configuration.mountPath,
        ...(sha256 === undefined ? [] : ["--sha256", sha256]),
      ],
      ...(secret === undefined ? {} : { envFrom: [{ prefix: JAR_VARIABLES, secretRef: { name: secret } }] }),
      volumeMounts: [
        { ...configuration, readOnly: true },
        { name, mountPath: JAR_DIR },
      ],
    },
    volume: { name, emptyDir: {} },
    // The file alone: other jars that the image has in that folder stay.
    mount: { name, mountPath: FETCHED_JAR, subPath: JAR_FILE, readOnly: true },
  };
}

type Prepared = Pick<FlinkPod, "process" | "config" | "version">;

/** The pod asks for the largest of its containers' needs: as large as Flink's own costs nothing, and keeps its QoS class. */
function initContainer({ name, container }: Step, pod: Prepared, { securityContext }: Container): Container {
  return {
    name,
    ...container,
    resources: processResources(pod),
    ...(securityContext === undefined ? {} : { securityContext }),
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}

function withStep(template: PodTemplate, step: Step, pod: Prepared, main: Container): PodTemplate {
  const { env } = step;
  const changed = withMainContainer(template, (container) => ({
    ...container,
    volumeMounts: [...(container.volumeMounts ?? []), step.mount],
    ...(env === undefined
      ? {}
      : { env: [...(container.env ?? []).filter(({ name }) => name !== env.name), env] }),
  }));
  const { initContainers = [], volumes = [], containers = [] } = changed.spec ?? {};
  return {
    ...changed,
    spec: {
      ...changed.spec,
      containers,
      // After the template's own, which may be what the network needs.
      initContainers: [...initContainers, initContainer(step, pod, main)],
      volumes: [...volumes, step.volume],
    },
  };
}

/** The template with what the process's pods need first; as it is, or undefined, when they need nothing. */
export function prepared(
  template: PodTemplate | undefined,
  process: FlinkProcess,
  { assembled, config, version, jar }: Pick<ClusterBase, "assembled" | "config" | "version" | "jar">,
): PodTemplate | undefined {
  const pod = { process, config, version };
  const main = template?.spec?.containers?.find(({ name }) => name === MAIN_CONTAINER) ?? {
    name: MAIN_CONTAINER,
  };
  const values = secretValues(assembled);
  const steps: Step[] = values.length === 0 ? [] : [writeConfiguration(values, pod, main)];
  if (jar !== undefined) {
    const plain = { name: CONFIG_VOLUME, mountPath: readText(config, CONF_DIR) };
    steps.push(fetchJar(jar, steps[0]?.mount ?? plain));
  }
  return steps.reduce<PodTemplate | undefined>(
    (result, step) => withStep(result ?? {}, step, pod, main),
    template,
  );
}
