/** `sluice get`: Flink resources as a table, or as they are. */
import type { KubeObject } from "../../api/kube-object.ts";
import type { ResourceType } from "../../kube/resource-type.ts";
import type { Cluster } from "../cluster.ts";
import { clusterOptions } from "../cluster-options.ts";
import type { Command, Streams } from "../command.ts";
import type { DataFormat } from "../output/resources.ts";
import type { TableShape } from "../output/job-table.ts";
import type { Reference } from "../reference.ts";

interface Selection {
  readonly types: readonly ResourceType[];
  readonly references: readonly Reference[];
  readonly allNamespaces: boolean;
  readonly selector: string | undefined;
}

interface Row {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

async function find(cluster: Cluster, wanted: Selection): Promise<Row[]> {
  const { readReferenced } = await import("../cluster.ts");
  const { types, references, allNamespaces, selector } = wanted;
  if (references.length > 0) {
    const found = await Promise.all(references.map((one) => readReferenced(cluster, one)));
    return found.map(({ type, resource }) => ({ type, object: resource }));
  }
  const { client, namespace } = cluster;
  const selectors = { namespace: allNamespaces ? undefined : namespace, labelSelector: selector };
  const lists = await Promise.all(types.map((type) => client.list<KubeObject>(type, selectors)));
  return lists.flatMap(({ items }, nth) =>
    items.flatMap((object) => {
      const type = types[nth];
      return type === undefined ? [] : [{ type, object }];
    }),
  );
}

async function printRows(
  rows: readonly Row[],
  shape: TableShape,
  withHeader: boolean,
  { stdout }: Streams,
): Promise<void> {
  const { headerOf, rowOf } = await import("../output/job-table.ts");
  const { table } = await import("../output/table.ts");
  const [first] = rows;
  if (first === undefined) return;
  const now = Date.now();
  const cells = rows.map(({ type, object }) => rowOf(type, object, shape, now));
  const text = table([headerOf(first.type, shape), ...cells]);
  stdout.write(withHeader ? text : text.slice(text.indexOf("\n") + 1));
}

/** A path into one resource, or into a List of several. */
async function printPath(template: string, value: unknown, { stdout }: Streams): Promise<void> {
  const { jsonPath } = await import("../output/json-path.ts");
  stdout.write(jsonPath(template, value));
}

async function printData(
  rows: readonly Row[],
  format: string,
  one: boolean,
  streams: Streams,
  withHeader = false,
): Promise<void> {
  const [kind = "", ...rest] = format.split("=");
  const detail = rest.join("=");
  const { forPrograms, printData: print } = await import("../output/resources.ts");
  const { fullName } = await import("../reference.ts");
  if (format === "name") {
    for (const { type, object } of rows) streams.stdout.write(`${fullName(type, object.metadata.name)}\n`);
    return;
  }
  const items = rows.map(({ object }) => forPrograms(object));
  if (kind === "custom-columns") {
    const { customColumns } = await import("../output/custom-columns.ts");
    streams.stdout.write(customColumns(detail, items, withHeader));
    return;
  }
  const value = one ? items[0] : { apiVersion: "v1", kind: "List", metadata: {}, items };
  if (kind === "jsonpath") await printPath(detail, value, streams);
  else print(value, format as DataFormat, streams);
}

/** Each change as a line of the table (or an object), until Ctrl-C. */
async function watch(
  { client, namespace }: Cluster,
  { types, references, allNamespaces, selector }: Selection,
  shown: readonly Row[],
  print: (row: Row) => Promise<void>,
): Promise<never> {
  const { follow } = await import("../follow.ts");
  const isMeant = (type: ResourceType, { metadata }: KubeObject): boolean =>
    references.length === 0 ||
    references.some((one) => one.name === metadata.name && (one.type ?? type) === type);
  const followed = { types, namespace: allNamespaces ? undefined : namespace, labelSelector: selector };
  const seen = shown.map(({ object }) => object);
  return follow(client, followed, seen, async (object, type) => {
    if (isMeant(type, object)) await print({ type, object });
  });
}

export const get: Command = {
  name: "get",
  summary: "List jobs and other Flink resources",
  args: [{ name: "[resource...]", description: "nothing, TYPE, TYPE NAME..., NAME..., or TYPE/NAME..." }],
  examples: [
    "sluice get                                # jobs of the namespace",
    "sluice get -A -o wide                     # of all namespaces, with images and messages",
    "sluice get my-job -w                      # and each change of it",
    "sluice get flinksnp -l job=my-job -o json",
    "sluice get my-job -o jsonpath='{.status.jobStatus.state}'",
    "sluice get -o custom-columns=NAME:.metadata.name,JOB:.status.jobStatus.state",
  ],
  options: [
    ...clusterOptions,
    { flags: "-A, --all-namespaces", description: "of all namespaces" },
    { flags: "-l, --selector <labels>", description: "with these labels, such as team=a,tier!=test" },
    {
      flags: "-o, --output <format>",
      description: "how to print them",
      choices: ["table", "wide", "name", "json", "yaml"],
      prefixes: ["jsonpath=", "custom-columns="],
      default: "table",
    },
    { flags: "-w, --watch", description: "go on with each change, until Ctrl-C" },
    { flags: "--no-headers", description: "without the line of titles" },
  ],
  async run(words, options, streams) {
    const { withCluster } = await import("../cluster.ts");
    const { parseSelection } = await import("../reference.ts");
    const format = options["output"] as string;
    const wanted = {
      ...parseSelection(words),
      allNamespaces: options["allNamespaces"] === true,
      selector: options["selector"] as string | undefined,
    };
    return withCluster(options, streams, async (cluster) => {
      const rows = await find(cluster, wanted);
      const one = wanted.references.length === 1;
      const isTable = format === "table" || format === "wide";
      const types = wanted.types.length > 1 && new Set(rows.map(({ type }) => type)).size > 1;
      const shape = { wide: format === "wide", namespaces: wanted.allNamespaces, types };
      const where = wanted.allNamespaces ? "any namespace" : `namespace ${cluster.namespace}`;
      if (isTable) {
        await printRows(rows, shape, options["headers"] !== false, streams);
        if (rows.length === 0) streams.stderr.write(`no Flink resources in ${where}\n`);
      } else await printData(rows, format, one, streams, options["headers"] !== false);
      if (options["watch"] !== true) return 0;
      return watch(cluster, wanted, rows, (row) =>
        isTable ? printRows([row], shape, false, streams) : printData([row], format, true, streams),
      );
    });
  },
};
