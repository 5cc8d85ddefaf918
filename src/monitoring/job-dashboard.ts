/** One job: state, restarts, throughput, back pressure. */
import type { Dashboard, Panel, Unit } from "./dashboard.ts";
import { CLUSTER, DEPLOYMENT, JOB, NAMESPACE, OF_JOB, WHICH } from "./flink-variables.ts";

function jobStat(title: string, metric: string, about: string, unit: Unit = "short"): Panel {
  return {
    title,
    about,
    kind: "stat",
    unit,
    width: 4,
    queries: [
      {
        expr: `max by (namespace, flink_deployment, job_name) (flink_jobmanager_job_${metric}{${OF_JOB}})`,
        legend: WHICH,
      },
    ],
  };
}

function byTask(title: string, metric: string, unit: Unit, about: string, how = "sum"): Panel {
  return {
    title,
    about,
    unit,
    queries: [
      {
        expr: `${how} by (namespace, flink_deployment, task_name) (flink_taskmanager_job_task_${metric}{${OF_JOB}})`,
        legend: "{{namespace}} {{task_name}}",
      },
    ],
  };
}

export const job: Dashboard = {
  uid: "sluice-flink-job",
  title: "Flink / Job",
  about: "One job: whether it runs, how much it does, and what holds it up.",
  variables: [NAMESPACE, DEPLOYMENT, JOB],
  rows: [
    {
      title: "State",
      panels: [
        jobStat("Running for", "runningTime", "Since the job last began to run.", "ms"),
        jobStat("Not running for", "restartingTime", "0 while it runs.", "ms"),
        jobStat("Restarts", "numRestarts", "Each is a failure that Flink has mended by itself."),
        jobStat("Completed checkpoints", "numberOfCompletedCheckpoints", "It has to grow."),
        jobStat("Failed checkpoints", "numberOfFailedCheckpoints", "It should not grow."),
        {
          title: "TaskManagers",
          kind: "stat",
          width: 4,
          queries: [
            {
              expr: `sum by (namespace, flink_deployment) (flink_jobmanager_numRegisteredTaskManagers{${CLUSTER}})`,
              legend: "{{namespace}}/{{flink_deployment}}",
            },
          ],
        },
      ],
    },
    {
      title: "Throughput",
      panels: [
        byTask("Records in", "numRecordsInPerSecond", "ops", "What each task gets from the tasks before it."),
        byTask("Records out", "numRecordsOutPerSecond", "ops", "What each task hands on."),
        byTask("Bytes in", "numBytesInPerSecond", "bytes", "A second."),
        byTask("Bytes out", "numBytesOutPerSecond", "bytes", "A second."),
      ],
    },
    {
      title: "What holds it up",
      panels: [
        {
          ...byTask(
            "Busy",
            "busyTimeMsPerSecond",
            "percentunit",
            "1: the busiest subtask does nothing but work. A task that is at 1 while those before it are back-pressured is the bottleneck.",
          ),
          queries: [
            {
              expr: `max by (namespace, flink_deployment, task_name) (flink_taskmanager_job_task_busyTimeMsPerSecond{${OF_JOB}}) / 1000`,
              legend: "{{namespace}} {{task_name}}",
            },
          ],
          max: 1,
        },
        {
          title: "Back pressure",
          about: "The share of its time in which a task waits for those after it.",
          unit: "percentunit",
          max: 1,
          queries: [
            {
              expr: `max by (namespace, flink_deployment, task_name) (flink_taskmanager_job_task_backPressuredTimeMsPerSecond{${OF_JOB}}) / 1000`,
              legend: "{{namespace}} {{task_name}}",
            },
          ],
        },
        {
          title: "Idle",
          unit: "percentunit",
          max: 1,
          queries: [
            {
              expr: `max by (namespace, flink_deployment, task_name) (flink_taskmanager_job_task_idleTimeMsPerSecond{${OF_JOB}}) / 1000`,
              legend: "{{namespace}} {{task_name}}",
            },
          ],
        },
        {
          title: "Output buffers in use",
          about: "Full buffers are back pressure that has arrived.",
          unit: "percentunit",
          max: 1,
          queries: [
            {
              expr: `max by (namespace, flink_deployment, task_name) (flink_taskmanager_job_task_Shuffle_Netty_Output_Buffers_outPoolUsage{${OF_JOB}})`,
              legend: "{{namespace}} {{task_name}}",
            },
          ],
        },
      ],
    },
    {
      title: "Failures",
      panels: [
        {
          title: "Restarts",
          about: "Within five minutes.",
          queries: [{ expr: `increase(flink_jobmanager_job_numRestarts{${OF_JOB}}[5m])`, legend: WHICH }],
        },
        {
          title: "Time restarting and running",
          about: "Restarting is time lost.",
          unit: "ms",
          queries: [
            { expr: `flink_jobmanager_job_restartingTime{${OF_JOB}}`, legend: `restarting ${WHICH}` },
            { expr: `flink_jobmanager_job_runningTime{${OF_JOB}}`, legend: `running ${WHICH}` },
          ],
        },
      ],
    },
  ],
};
