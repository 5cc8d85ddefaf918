/** The dashboards of the operator, of all that it looks after, and of what that costs. */
import type { Dashboard, Panel, Unit, Variable } from "./dashboard.ts";

const OPERATOR_NAMESPACE: Variable = {
  name: "namespace",
  title: "Namespace",
  metric: "sluice_resource_ready",
  label: "resource_namespace",
};

function quantiles(title: string, metric: string, by: string, unit: Unit = "s", about?: string): Panel {
  return {
    title,
    unit,
    ...(about === undefined ? {} : { about }),
    queries: [0.5, 0.99].map((quantile) => ({
      expr: `histogram_quantile(${quantile}, sum by (le, ${by}) (rate(${metric}_bucket[$__rate_interval])))`,
      legend: `p${quantile * 100} {{${by}}}`,
    })),
  };
}

export const operator: Dashboard = {
  uid: "sluice-operator",
  title: "Sluice / Operator",
  about: "Whether the operator keeps up: queues, passes, calls, upgrades.",
  variables: [],
  rows: [
    {
      title: "State",
      panels: [
        {
          title: "Leading",
          kind: "stat",
          width: 6,
          about: "Exactly one.",
          queries: [{ expr: "sum(sluice_leader)", legend: "leaders" }],
        },
        {
          title: "Namespaces that cannot be read",
          kind: "stat",
          width: 6,
          queries: [{ expr: "count(sluice_watched_namespace == 0) or vector(0)", legend: "namespaces" }],
        },
        {
          title: "Memory",
          kind: "stat",
          unit: "bytes",
          width: 6,
          queries: [
            {
              expr: "max(process_resident_memory_bytes and on (instance) sluice_leader)",
              legend: "resident",
            },
          ],
        },
        {
          title: "CPU",
          kind: "stat",
          unit: "cores",
          width: 6,
          queries: [
            {
              expr: "max(rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) sluice_leader)",
              legend: "cores",
            },
          ],
        },
      ],
    },
    {
      title: "Passes",
      panels: [
        {
          title: "Passes a second",
          unit: "ops",
          queries: [
            {
              expr: "sum by (controller, result) (rate(controller_runtime_reconcile_total[$__rate_interval]))",
              legend: "{{controller}} {{result}}",
            },
          ],
        },
        quantiles("How long they take", "controller_runtime_reconcile_time_seconds", "controller"),
        {
          title: "Queue",
          about: "Above 0 for long: more workers, or something that hangs.",
          queries: [{ expr: "max by (name) (workqueue_depth)", legend: "{{name}}" }],
        },
        quantiles("Wait in the queue", "workqueue_queue_duration_seconds", "name"),
      ],
    },
    {
      title: "Calls",
      panels: [
        {
          title: "API server",
          unit: "reqps",
          queries: [
            {
              expr: "sum by (method, code) (rate(rest_client_requests_total[$__rate_interval]) and on (instance) sluice_leader)",
              legend: "{{method}} {{code}}",
            },
          ],
        },
        quantiles("API server, time to answer", "rest_client_request_duration_seconds", "verb"),
        {
          title: "Flink",
          unit: "reqps",
          queries: [
            {
              expr: "sum by (route, code) (rate(sluice_flink_requests_total[$__rate_interval]))",
              legend: "{{route}} {{code}}",
            },
          ],
        },
        quantiles("Flink, time to answer", "sluice_flink_request_duration_seconds", "route"),
      ],
    },
    {
      title: "Upgrades",
      panels: [
        {
          title: "Downtime",
          about: "Mean of the upgrades within the hour.",
          unit: "s",
          queries: [
            {
              expr: "sum by (upgrade_mode) (increase(sluice_upgrade_downtime_seconds_sum[1h])) / sum by (upgrade_mode) (increase(sluice_upgrade_downtime_seconds_count[1h]))",
              legend: "{{upgrade_mode}}",
            },
          ],
        },
        {
          title: "Time in each step",
          about: "Mean of the upgrades since the operator started.",
          unit: "s",
          stacked: true,
          queries: [
            {
              expr: "sum by (step) (sluice_upgrade_step_duration_seconds_sum) / sum by (step) (sluice_upgrade_step_duration_seconds_count)",
              legend: "{{step}}",
            },
          ],
        },
        {
          title: "Upgrades by outcome",
          about: "Within the hour.",
          queries: [
            {
              expr: "sum by (outcome) (increase(sluice_upgrade_duration_seconds_count[1h]))",
              legend: "{{outcome}}",
            },
          ],
        },
        {
          title: "Actions",
          unit: "ops",
          queries: [
            {
              expr: "sum by (action, result) (rate(sluice_actions_total[$__rate_interval]))",
              legend: "{{action}} {{result}}",
            },
          ],
        },
      ],
    },
    {
      title: "Process",
      panels: [
        {
          title: "Event loop, p99",
          unit: "s",
          queries: [
            { expr: "nodejs_eventloop_lag_p99_seconds and on (instance) sluice_leader", legend: "{{pod}}" },
          ],
        },
        {
          title: "Heap",
          unit: "bytes",
          queries: [
            { expr: "nodejs_heap_size_used_bytes and on (instance) sluice_leader", legend: "{{pod}}" },
          ],
        },
      ],
    },
  ],
};

const IN_NAMESPACE = 'resource_namespace=~"$namespace"';

export const fleet: Dashboard = {
  uid: "sluice-fleet",
  title: "Sluice / Fleet",
  about: "All FlinkDeployments and FlinkSessionJobs: which are well, which are not, and why.",
  variables: [OPERATOR_NAMESPACE],
  rows: [
    {
      title: "State",
      panels: [
        {
          title: "Resources",
          kind: "stat",
          width: 6,
          queries: [{ expr: `count(sluice_resource_ready{${IN_NAMESPACE}})`, legend: "resources" }],
        },
        {
          title: "Ready",
          kind: "stat",
          width: 6,
          queries: [{ expr: `sum(sluice_resource_ready{${IN_NAMESPACE}})`, legend: "ready" }],
        },
        {
          title: "A person has to act",
          kind: "stat",
          width: 6,
          queries: [
            { expr: `count(sluice_resource_stalled{${IN_NAMESPACE}}) or vector(0)`, legend: "stalled" },
          ],
        },
        {
          title: "Upgrading",
          kind: "stat",
          width: 6,
          queries: [
            {
              expr: `count(sluice_resource_lifecycle_state{${IN_NAMESPACE},state="UPGRADING"}) or vector(0)`,
              legend: "upgrading",
            },
          ],
        },
        {
          title: "Lifecycle states",
          stacked: true,
          queries: [
            {
              expr: `count by (state) (sluice_resource_lifecycle_state{${IN_NAMESPACE}})`,
              legend: "{{state}}",
            },
          ],
        },
        {
          title: "Job states",
          stacked: true,
          queries: [
            { expr: `count by (state) (sluice_resource_job_state{${IN_NAMESPACE}})`, legend: "{{state}}" },
          ],
        },
        {
          title: "Not ready",
          about: "With the state that each is in.",
          kind: "table",
          width: 24,
          queries: [
            {
              expr: `sluice_resource_lifecycle_state{${IN_NAMESPACE}} and on (kind, resource_namespace, name) (sluice_resource_ready == 0)`,
              legend: "",
            },
          ],
          needs: "a resource that is not ready",
        },
        {
          title: "Why a person has to act",
          kind: "table",
          width: 24,
          queries: [{ expr: `sluice_resource_stalled{${IN_NAMESPACE}}`, legend: "" }],
          needs: "a resource that is stalled",
        },
      ],
    },
    {
      title: "Versions",
      panels: [
        {
          title: "Flink versions",
          stacked: true,
          queries: [
            {
              expr: `count by (flink_version) (sluice_resource_info{${IN_NAMESPACE},kind="FlinkDeployment"})`,
              legend: "{{flink_version}}",
            },
          ],
        },
        {
          title: "Upgrade modes",
          stacked: true,
          queries: [
            {
              expr: `count by (upgrade_mode) (sluice_resource_info{${IN_NAMESPACE}})`,
              legend: "{{upgrade_mode}}",
            },
          ],
        },
      ],
    },
  ],
};

const CPU_COST = "$price_cpu * sum by (resource_namespace, name)";
const MEMORY_COST = "$price_memory * sum by (resource_namespace, name)";

export const cost: Dashboard = {
  uid: "sluice-cost",
  title: "Sluice / Cost",
  about:
    "What the clusters' pods request, by namespace and job, and what that costs at a price that you give.",
  variables: [
    OPERATOR_NAMESPACE,
    { name: "price_cpu", title: "Price of a core for an hour", value: "0.03" },
    { name: "price_memory", title: "Price of a GiB for an hour", value: "0.004" },
  ],
  rows: [
    {
      title: "Requested",
      panels: [
        {
          title: "CPU by namespace",
          unit: "cores",
          stacked: true,
          queries: [
            {
              expr: `sum by (resource_namespace) (sluice_resource_cpu_request_cores{${IN_NAMESPACE}})`,
              legend: "{{resource_namespace}}",
            },
          ],
        },
        {
          title: "Memory by namespace",
          unit: "bytes",
          stacked: true,
          queries: [
            {
              expr: `sum by (resource_namespace) (sluice_resource_memory_request_bytes{${IN_NAMESPACE}})`,
              legend: "{{resource_namespace}}",
            },
          ],
        },
        {
          title: "CPU by job",
          unit: "cores",
          stacked: true,
          queries: [
            {
              expr: `sluice_resource_cpu_request_cores{${IN_NAMESPACE}}`,
              legend: "{{resource_namespace}}/{{name}}",
            },
          ],
        },
        {
          title: "Memory by job",
          unit: "bytes",
          stacked: true,
          queries: [
            {
              expr: `sluice_resource_memory_request_bytes{${IN_NAMESPACE}}`,
              legend: "{{resource_namespace}}/{{name}}",
            },
          ],
        },
      ],
    },
    {
      title: "Cost",
      panels: [
        {
          title: "An hour, by job",
          unit: "currency",
          stacked: true,
          queries: [
            {
              expr: `${CPU_COST} (sluice_resource_cpu_request_cores{${IN_NAMESPACE}}) + on (resource_namespace, name) ${MEMORY_COST} (sluice_resource_memory_request_bytes{${IN_NAMESPACE}}) / 1073741824`,
              legend: "{{resource_namespace}}/{{name}}",
            },
          ],
        },
        {
          title: "The chosen time, by namespace",
          about: "Mean request over the time that the dashboard shows, times that time.",
          kind: "table",
          queries: [
            {
              expr: `sum by (resource_namespace) ($price_cpu * sum_over_time(sluice_resource_cpu_request_cores{${IN_NAMESPACE}}[$__range:1m]) / 60 + $price_memory * sum_over_time(sluice_resource_memory_request_bytes{${IN_NAMESPACE}}[$__range:1m]) / 1073741824 / 60)`,
              legend: "",
            },
          ],
        },
      ],
    },
  ],
};
