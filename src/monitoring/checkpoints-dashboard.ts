/** Checkpoints and state of a job. */
import type { Dashboard, Panel, Unit } from "./dashboard.ts";
import { DEPLOYMENT, JOB, NAMESPACE, OF_JOB, WHICH } from "./flink-variables.ts";

function ofJob(title: string, metric: string, unit: Unit, about?: string): Panel {
  return {
    title,
    unit,
    ...(about === undefined ? {} : { about }),
    queries: [{ expr: `flink_jobmanager_job_${metric}{${OF_JOB}}`, legend: WHICH }],
  };
}

export const checkpoints: Dashboard = {
  uid: "sluice-flink-checkpoints",
  title: "Flink / Checkpoints and state",
  about: "Whether a job could go on from where it is, and how large its state is.",
  variables: [NAMESPACE, DEPLOYMENT, JOB],
  rows: [
    {
      title: "Checkpoints",
      panels: [
        {
          title: "Completed and failed",
          about: "Within five minutes.",
          queries: [
            {
              expr: `increase(flink_jobmanager_job_numberOfCompletedCheckpoints{${OF_JOB}}[5m])`,
              legend: `completed ${WHICH}`,
            },
            {
              expr: `increase(flink_jobmanager_job_numberOfFailedCheckpoints{${OF_JOB}}[5m])`,
              legend: `failed ${WHICH}`,
            },
          ],
        },
        ofJob(
          "Duration of the last",
          "lastCheckpointDuration",
          "ms",
          "It has to stay well below the checkpoint interval and timeout.",
        ),
        ofJob("In progress", "numberOfInProgressCheckpoints", "short"),
        ofJob(
          "Last completed",
          "lastCompletedCheckpointId",
          "short",
          "Its number: a flat line is a job that makes no progress.",
        ),
      ],
    },
    {
      title: "State",
      panels: [
        ofJob(
          "Size of the last checkpoint",
          "lastCheckpointSize",
          "bytes",
          "What was written: with incremental checkpoints the difference.",
        ),
        ofJob("Full size of the state", "lastCheckpointFullSize", "bytes"),
      ],
    },
    {
      title: "Barriers",
      panels: [
        {
          title: "Start delay",
          about: "How long barriers take to come: it grows with back pressure.",
          unit: "s",
          queries: [
            {
              expr: `max by (namespace, flink_deployment, task_name) (flink_taskmanager_job_task_checkpointStartDelayNanos{${OF_JOB}}) / 1e9`,
              legend: "{{namespace}} {{task_name}}",
            },
          ],
        },
        {
          title: "Alignment",
          about: "How long a task waits for the barriers of its other inputs.",
          unit: "s",
          queries: [
            {
              expr: `max by (namespace, flink_deployment, task_name) (flink_taskmanager_job_task_checkpointAlignmentTime{${OF_JOB}}) / 1e9`,
              legend: "{{namespace}} {{task_name}}",
            },
          ],
        },
      ],
    },
    {
      title: "RocksDB",
      panels: [
        {
          title: "Live data",
          unit: "bytes",
          needs: "the state backend rocksdb, and state.backend.rocksdb.metrics.estimate-live-data-size",
          queries: [
            {
              expr: `sum by (namespace, flink_deployment, operator_name) ({__name__=~"flink_taskmanager_job_task_operator_.+_rocksdb_estimate_live_data_size",${OF_JOB}})`,
              legend: "{{namespace}} {{operator_name}}",
            },
          ],
        },
        {
          title: "Memory of block cache",
          unit: "bytes",
          needs: "the state backend rocksdb, and state.backend.rocksdb.metrics.block-cache-usage",
          queries: [
            {
              expr: `max by (namespace, flink_deployment, tm_id) ({__name__=~"flink_taskmanager_job_task_operator_.+_rocksdb_block_cache_usage",${OF_JOB}})`,
              legend: "{{tm_id}}",
            },
          ],
        },
      ],
    },
  ],
};
