/** The dashboards of a Flink cluster and its job. */
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
          title: "Time lost",
          about: "How long the job has been restarting, and running.",
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

function jvm(title: string, metric: string, unit: Unit, about?: string): Panel {
  return {
    title,
    unit,
    ...(about === undefined ? {} : { about }),
    queries: [
      { expr: `flink_taskmanager_Status_${metric}{${CLUSTER}}`, legend: "{{namespace}} {{pod}}" },
      { expr: `flink_jobmanager_Status_${metric}{${CLUSTER}}`, legend: "{{namespace}} {{pod}}" },
    ],
  };
}

export const processes: Dashboard = {
  uid: "sluice-flink-processes",
  title: "Flink / TaskManagers and JVM",
  about: "The processes of a cluster: slots, CPU, memory, garbage collection, network.",
  variables: [NAMESPACE, DEPLOYMENT],
  rows: [
    {
      title: "Cluster",
      panels: [
        {
          title: "Slots",
          queries: [
            {
              expr: `flink_jobmanager_taskSlotsTotal{${CLUSTER}}`,
              legend: "there {{namespace}}/{{flink_deployment}}",
            },
            {
              expr: `flink_jobmanager_taskSlotsAvailable{${CLUSTER}}`,
              legend: "free {{namespace}}/{{flink_deployment}}",
            },
          ],
        },
        {
          title: "TaskManagers",
          queries: [
            {
              expr: `flink_jobmanager_numRegisteredTaskManagers{${CLUSTER}}`,
              legend: "{{namespace}}/{{flink_deployment}}",
            },
          ],
        },
      ],
    },
    {
      title: "CPU and memory",
      panels: [
        {
          ...jvm(
            "CPU",
            "JVM_CPU_Load",
            "percentunit",
            "Of all processors of the node, as the JVM sees them.",
          ),
        },
        jvm("Heap", "JVM_Memory_Heap_Used", "bytes"),
        {
          title: "Heap in use",
          about: "Above 0.9 for long, the next thing is an OutOfMemoryError.",
          unit: "percentunit",
          max: 1,
          queries: [
            {
              expr: `flink_taskmanager_Status_JVM_Memory_Heap_Used{${CLUSTER}} / flink_taskmanager_Status_JVM_Memory_Heap_Max{${CLUSTER}}`,
              legend: "{{namespace}} {{pod}}",
            },
          ],
        },
        jvm("Outside the heap", "JVM_Memory_NonHeap_Used", "bytes"),
        jvm(
          "Metaspace",
          "JVM_Memory_Metaspace_Used",
          "bytes",
          "It grows with every job that a session cluster has run: a leak of classes.",
        ),
        jvm("Direct buffers", "JVM_Memory_Direct_MemoryUsed", "bytes"),
        {
          title: "Managed memory in use",
          about: "State backends and batch operators have it.",
          unit: "bytes",
          queries: [
            {
              expr: `flink_taskmanager_Status_Flink_Memory_Managed_Used{${CLUSTER}}`,
              legend: "{{namespace}} {{pod}}",
            },
          ],
        },
        jvm("Threads", "JVM_Threads_Count", "short"),
      ],
    },
    {
      title: "Garbage collection",
      panels: [
        {
          title: "Time in collections",
          about: "Share of the time.",
          unit: "percentunit",
          queries: [
            {
              expr: `rate(flink_taskmanager_Status_JVM_GarbageCollector_All_Time{${CLUSTER}}[$__rate_interval]) / 1000`,
              legend: "{{namespace}} {{pod}}",
            },
            {
              expr: `rate(flink_jobmanager_Status_JVM_GarbageCollector_All_Time{${CLUSTER}}[$__rate_interval]) / 1000`,
              legend: "{{namespace}} {{pod}}",
            },
          ],
        },
        {
          title: "Collections a second",
          queries: [
            {
              expr: `rate(flink_taskmanager_Status_JVM_GarbageCollector_All_Count{${CLUSTER}}[$__rate_interval])`,
              legend: "{{namespace}} {{pod}}",
            },
          ],
        },
      ],
    },
    {
      title: "Network",
      panels: [
        {
          title: "Shuffle memory in use",
          unit: "bytes",
          queries: [
            {
              expr: `flink_taskmanager_Status_Shuffle_Netty_UsedMemory{${CLUSTER}}`,
              legend: "{{namespace}} {{pod}}",
            },
          ],
        },
        {
          title: "Shuffle segments free",
          about: "None free: insufficient number of network buffers is next.",
          queries: [
            {
              expr: `flink_taskmanager_Status_Shuffle_Netty_AvailableMemorySegments{${CLUSTER}}`,
              legend: "{{namespace}} {{pod}}",
            },
          ],
        },
      ],
    },
  ],
};
