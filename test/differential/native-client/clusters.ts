/** The clusters that Sluice and Flink's client both render: one aspect each, where aspects do not interfere. */
import {
  application,
  type Cluster,
  common,
  decisions,
  HA,
  job,
  session,
  SINCE_2,
  withOptions,
} from "./specs.ts";

const metadata: Cluster[] = [
  { name: "the least that a job needs", spec: application() },
  { name: "the longest name", spec: application(), id: `a${"b".repeat(44)}` },
  { name: "labels as one text", spec: withOptions({ "kubernetes.jobmanager.labels": "a:b,c:d" }) },
  {
    name: "labels, annotations and node selectors as nested configuration",
    spec: withOptions({
      kubernetes: {
        jobmanager: {
          labels: { tier: "gold", "example.org/x": "y" },
          annotations: { "prometheus.io/scrape": true, "example.org/text": "with: colon, and comma" },
          "node-selector": { zone: "a" },
        },
        taskmanager: { labels: { tier: "silver" } },
      },
    }),
  },
  {
    name: "annotations with separators in quotes",
    spec: withOptions({
      "kubernetes.jobmanager.annotations": `'example.org/text:"x, y"',d:it's,"e:'f: g'"`,
    }),
  },
  {
    name: "labels and annotations as YAML",
    versions: SINCE_2,
    spec: withOptions({
      "kubernetes.jobmanager.labels": "{a: b, 'n': 1}",
      "kubernetes.jobmanager.annotations": '{"example.org/list": "a,b;c:d"}',
    }),
  },
];

const resources: Cluster[] = [
  {
    name: "fractions of CPUs and memory by quantity",
    spec: application({
      jobManager: { resource: { cpu: 0.25, memory: "1.5Gi" } },
      taskManager: { resource: { cpu: 2.5, memory: "4GiB", ephemeralStorage: "10Gi" } },
    }),
  },
  {
    name: "requests and limits",
    spec: application({
      jobManager: {
        resources: {
          requests: { cpu: "500m", memory: "1Gi", "ephemeral-storage": "1Gi" },
          limits: { cpu: "2", memory: "1536Mi", "ephemeral-storage": "2Gi" },
        },
        resource: { cpu: 7, memory: "7g" },
      },
      taskManager: { resources: { limits: { cpu: 2, memory: "4Gi", "nvidia.com/gpu": 1 } } },
    }),
  },
  {
    name: "limit factors that floating point cannot hold",
    spec: withOptions({
      "kubernetes.jobmanager.cpu.amount": 0.1,
      "kubernetes.jobmanager.cpu.limit-factor": 3,
      "kubernetes.jobmanager.memory.limit-factor": 1.333,
    }),
  },
  {
    name: "memory by Flink's share of it",
    spec: application({
      jobManager: {},
      flinkConfiguration: {
        "jobmanager.memory.flink.size": "1g",
        "jobmanager.memory.jvm-metaspace.size": "200m",
      },
    }),
  },
  {
    name: "memory by the heap",
    spec: application({ jobManager: {}, flinkConfiguration: { "jobmanager.memory.heap.size": "777m" } }),
  },
  {
    name: "replicas of TaskManagers, which decide the parallelism",
    spec: application({
      taskManager: { replicas: 3, resource: { memory: "2g" } },
      flinkConfiguration: { "taskmanager.numberOfTaskSlots": 4 },
    }),
  },
];

const templates: Cluster[] = [
  { name: "a common pod template", spec: application({ podTemplate: common }) },
  {
    name: "a template for each process, over the common one",
    spec: application({
      podTemplate: common,
      jobManager: {
        resource: { memory: "1600m" },
        podTemplate: {
          metadata: { labels: { role: "boss" } },
          spec: { containers: [{ name: "flink-main-container", env: [{ name: "MODE", value: "jm" }] }] },
        },
      },
      taskManager: {
        resource: { memory: "2g", ephemeralStorage: "5Gi" },
        podTemplate: {
          spec: { priorityClassName: "low", volumes: [{ name: "scratch", emptyDir: null }] },
        } as never,
      },
    }),
  },
  {
    name: "templates whose arrays are merged by name",
    spec: application({
      podTemplate: common,
      jobManager: {
        resource: { memory: "1600m" },
        podTemplate: {
          spec: {
            containers: [
              { name: "sidecar", image: "sidecar:2" },
              { name: "second", image: "second:1" },
            ],
          },
        },
      },
      flinkConfiguration: { "kubernetes.operator.pod-template.merge-arrays-by-name": true },
    }),
  },
  {
    name: "a template that decides what no option decides",
    spec: { ...application({ podTemplate: decisions }), image: "", serviceAccount: undefined } as never,
  },
  {
    name: "options that win over the template",
    spec: application({
      podTemplate: decisions,
      imagePullPolicy: "Never",
      flinkConfiguration: { "kubernetes.jobmanager.service-account": "jm" },
    }),
  },
  {
    name: "a probe of the user's own",
    spec: application({
      podTemplate: {
        spec: {
          containers: [
            {
              name: "flink-main-container",
              startupProbe: { httpGet: { path: "/overview", port: 8081 }, periodSeconds: 9 },
            },
          ],
        },
      },
    }),
  },
  {
    name: "no startup probe, and so no template at all",
    spec: withOptions({ "kubernetes.operator.jm-deployment.startup.probe.enabled": false }),
  },
  {
    name: "texts in a template that other readers take for something else",
    spec: application({
      podTemplate: {
        metadata: {
          annotations: { yes: "no", date: "2026-01-01", octal: "0o17", number: "1e3", colon: "a: b" },
        },
        spec: {
          containers: [
            {
              name: "flink-main-container",
              env: ["on", "y", "~", "null", "0123", "1_000", "12:30", "=", "multi\nline\n", " x "].map(
                (value, index) => ({ name: `V${index}`, value }),
              ),
            },
          ],
        },
      },
    }),
  },
];

const pods: Cluster[] = [
  {
    name: "environment variables",
    spec: withOptions({
      "containerized.master.env.A": "1",
      "containerized.master.env.LD_PRELOAD": "/usr/lib/jemalloc.so",
      "containerized.taskmanager.env.B": "2",
    }),
  },
  {
    name: "secrets as files and as variables",
    spec: withOptions({
      "kubernetes.secrets": "s3-credentials:/opt/s3,tls:/opt/tls",
      "kubernetes.env.secretKeyRef":
        "env:ACCESS,secret:s3-credentials,key:id;env:KEY,secret:s3-credentials,key:key",
    }),
  },
  {
    name: "secrets as YAML",
    versions: SINCE_2,
    spec: withOptions({
      "kubernetes.secrets": "{s3: /opt/s3}",
      "kubernetes.env.secretKeyRef": "[{env: ACCESS, secret: s3, key: id}, {env: KEY, secret: s3, key: key}]",
    }),
  },
  {
    name: "tolerations and node selectors, also in the template",
    spec: application({
      podTemplate: common,
      flinkConfiguration: {
        "kubernetes.jobmanager.tolerations":
          "key:dedicated,operator:Equal,value:flink,effect:NoSchedule;key:spot,operator:Exists,effect:NoExecute,tolerationSeconds:60",
        "kubernetes.jobmanager.node-selector": "disk:hdd,arch:arm64",
      },
    }),
  },
  {
    name: "image pull policy in another case, and pull secrets",
    spec: application({
      podTemplate: common,
      flinkConfiguration: {
        "kubernetes.container.image.pull-policy": "always",
        "kubernetes.container.image.pull-secrets": "one;two",
      },
    }),
  },
  {
    name: "an image by its older name",
    versions: ["v1_20"],
    spec: { ...withOptions({ "kubernetes.container.image": "older:1" }), image: "" },
  },
  { name: "the client's default image", spec: application({ image: "" }) },
  {
    name: "a service account for the JobManager",
    spec: withOptions({ "kubernetes.jobmanager.service-account": "jm", "kubernetes.service-account": "all" }),
  },
  {
    name: "the host's network",
    spec: application({
      podTemplate: { spec: { dnsPolicy: "Default" } },
      flinkConfiguration: { "kubernetes.hostnetwork.enabled": true },
    }),
  },
  {
    name: "another entry point, arguments and folders",
    spec: withOptions({
      "kubernetes.entry.path": "/entry.sh",
      "kubernetes.jobmanager.entrypoint.args": "-D a=b --flag",
      "kubernetes.flink.conf.dir": "/etc/flink",
      "kubernetes.flink.log.dir": "/var/log/flink",
      "user.artifacts.base-dir": "/artifacts",
    }),
  },
  {
    name: "a Hadoop configuration",
    spec: withOptions({ "kubernetes.hadoop.conf.config-map.name": "hadoop" }),
  },
  {
    name: "a Hadoop configuration that is switched off",
    spec: withOptions({
      "kubernetes.hadoop.conf.config-map.name": "hadoop",
      "kubernetes.decorator.hadoop-conf-mount.enabled": false,
    }),
  },
  {
    name: "volume claims, which Flink mounts from 2.3 on",
    spec: withOptions({
      "kubernetes.persistent-volume-claims": "data:/data,a.b:/ab",
      "kubernetes.persistent-volume-claim-read-only": true,
    }),
  },
];

const network: Cluster[] = [
  ...["NodePort", "LoadBalancer", "Headless_ClusterIP", "clusterip"].map((type) => ({
    name: `a REST service of type ${type}`,
    spec: withOptions({ "kubernetes.rest-service.exposed.type": type }),
  })),
  {
    name: "annotations of the services",
    spec: withOptions({
      "kubernetes.rest-service.annotations": "a:b",
      "kubernetes.internal-service.annotations": "c:d",
    }),
  },
  {
    name: "labels of the services",
    spec: withOptions({
      "kubernetes.rest-service.labels": "a:b",
      "kubernetes.internal-service.labels": "c:d,app:mine",
    }),
  },
  {
    name: "ports of the user's",
    spec: withOptions({
      "rest.port": 9081,
      "jobmanager.rpc.port": 7123,
      "blob.server.port": 7124,
      "taskmanager.rpc.port": 7122,
    }),
  },
  {
    name: "a bind port of the user's, and HA's",
    spec: withOptions({ ...HA, "rest.bind-port": 9999, "high-availability.jobmanager.port": 6500 }),
  },
  {
    name: "addresses that make sense on the client's machine only",
    spec: withOptions({
      "rest.bind-address": "localhost",
      "jobmanager.bind-host": "localhost",
      "taskmanager.bind-host": "localhost",
      "taskmanager.host": "localhost",
      "rest.address": "localhost",
    }),
  },
];

const availability: Cluster[] = [
  { name: "Kubernetes HA", spec: withOptions(HA) },
  {
    name: "three JobManagers",
    spec: application({
      jobManager: { replicas: 3, resource: { memory: "1600m" } },
      flinkConfiguration: { ...HA, "jobmanager.rpc.port": 7000 },
    }),
  },
  {
    name: "HA by its older name and the factory class",
    versions: ["v1_20"],
    spec: withOptions({
      "high-availability": "org.apache.flink.kubernetes.highavailability.KubernetesHaServicesFactory",
      "high-availability.storageDir": "s3://state/ha",
    }),
  },
  {
    name: "ZooKeeper HA",
    spec: withOptions({
      "high-availability.type": "ZOOKEEPER",
      "high-availability.zookeeper.quorum": "zk:2181",
      "high-availability.storageDir": "s3://state/ha",
    }),
  },
  { name: "HA switched off by word", spec: withOptions({ "high-availability.type": "standalone" }) },
];

const logging: Cluster[] = [
  {
    name: "log4j only",
    spec: application({ logConfiguration: { "log4j-console.properties": "rootLogger.level = WARN\n" } }),
  },
  {
    name: "logback only",
    spec: application({ logConfiguration: { "logback-console.xml": "<configuration/>" } }),
  },
  {
    name: "both, with characters that YAML minds",
    spec: application({
      logConfiguration: {
        "logback-console.xml": "<!-- ü: # -->\n<configuration/>",
        "log4j-console.properties": "a = \"b\": '#'\n\tc\n",
      },
    }),
  },
  { name: "no log files at all", spec: application({ logConfiguration: {} }) },
];

const jobs: Cluster[] = [
  {
    name: "a savepoint to start from",
    spec: application(),
    restore: { kind: "savepoint", path: "s3://state/sp-1" },
  },
  {
    name: "the last state, with a path of the user's that must not be used",
    spec: withOptions({ ...HA, "execution.state-recovery.path": "s3://state/old" }),
    restore: { kind: "last-state", marker: true },
  },
  {
    name: "a main class, arguments and state that may be left",
    spec: application({
      job: { ...job, entryClass: "org.example.Main", args: ["--in", "s3://x"], allowNonRestoredState: true },
    }),
  },
  {
    name: "arguments that need quotes",
    spec: application({
      job: {
        ...job,
        args: [
          "a;b",
          "it's",
          'say "x"',
          "two words",
          "[1, 2]",
          "{a: b}",
          "k:v,w",
          "ü",
          "",
          " padded ",
          "-Dx=y",
        ],
      },
    }),
  },
  {
    name: "arguments over several lines",
    versions: SINCE_2,
    spec: application({ job: { ...job, args: ["select 1;\n  select 2; # no comment\n", "-"] } }),
  },
  {
    name: "an argument with a hash, which flink-conf.yaml takes for a comment",
    versions: ["v1_20"],
    spec: application({ job: { ...job, args: ["--channel", "#alerts"] } }),
  },
  {
    name: "a Python job without a jar",
    spec: application({
      job: {
        parallelism: 1,
        entryClass: "org.apache.flink.client.python.PythonDriver",
        args: ["-py", "/opt/job.py"],
      },
    }),
  },
  {
    name: "a jar from a web server",
    spec: application({ job: { ...job, jarURI: "https://example.org/job.jar" } }),
  },
  { name: "a session", spec: session() },
  {
    name: "a session with HA, templates and slots",
    spec: session({
      podTemplate: common,
      jobManager: { replicas: 2, resource: { cpu: 2, memory: "2g" } },
      flinkConfiguration: { ...HA, "taskmanager.numberOfTaskSlots": 8 },
    }),
  },
];

const files: Cluster[] = [
  {
    name: "config.yaml for a client that also knows flink-conf.yaml",
    versions: ["v1_20"],
    clientFile: "config.yaml",
    spec: withOptions({ ...HA, "some.number": 7, "some.flag": true, "kubernetes.jobmanager.labels": "a:b" }),
  },
  {
    name: "values that look like something else",
    spec: withOptions({
      "x.number": 12,
      "x.padded": "007",
      "x.flag": true,
      "x.word": "yes",
      "x.null": "null",
      "x.tilde": "~",
      "x.exponent": "1e3",
      "x.time": "12:30:45",
      "x.colon": "a: b",
      "x.quotes": `"a" 'b'`,
      "x.braces": "{not: a map",
      "x.star": "*anchor",
      "x.percent": "%d{HH:mm}",
      "x.umlaut": "Grüße",
      "x.emoji": "🚀",
      "x.backslash": "C:\\temp\\n",
      "x.long": "word ".repeat(60).trim(),
      "x.dash": "- item",
      "x.list": ["a", "b", 3],
      "x.9": "a key of a number",
      "x.with space": "a key with a space",
    }),
  },
  {
    name: "values over several lines",
    versions: SINCE_2,
    spec: withOptions({ "x.lines": "one\ntwo\n", "x.indented": "  a\n b\n", "x.tab": "a\tb" }),
  },
  {
    name: "Java options of the user's",
    spec: withOptions({ "env.java.opts.all": "-XX:+UseG1GC", "env.java.default-opts.all": "-Dmine=1" }),
  },
  {
    name: "options of the operator, which Flink does not get",
    spec: withOptions({
      "kubernetes.operator.savepoint.history.max.count": 3,
      "job.autoscaler.enabled": true,
      "sluice.anything": 1,
    }),
  },
];

export const clusters: readonly Cluster[] = [
  ...metadata,
  ...resources,
  ...templates,
  ...pods,
  ...network,
  ...availability,
  ...logging,
  ...jobs,
  ...files,
];
