/** Alerts about jobs. */
import type { Alert, Input } from "./alert.ts";

const JOB_LABELS = { namespace: "jobs", flink_deployment: "counting", job_name: "counting" };
const OF_JOB = 'namespace="jobs",flink_deployment="counting",job_name="counting"';
const RESOURCE_LABELS = { kind: "FlinkDeployment", resource_namespace: "jobs", name: "counting" };
const RESOURCE = 'kind="FlinkDeployment",resource_namespace="jobs",name="counting"';
const WHICH = "{{ $labels.kind }} {{ $labels.resource_namespace }}/{{ $labels.name }}";
const WHICH_JOB = "Job {{ $labels.job_name }} of {{ $labels.namespace }}/{{ $labels.flink_deployment }}";
const ON = "on (kind, resource_namespace, name)";
const DOCTOR = "`sluice doctor NAME -n NAMESPACE`: the cause, the evidence, what to do.";
const DESCRIBE = "`sluice describe NAME -n NAMESPACE`, or `kubectl describe`: conditions and events.";

function state(name: string): Input {
  return [`sluice_resource_lifecycle_state{${RESOURCE},state="${name}"}`, "1x60"];
}

export const flinkAlerts: readonly Alert[] = [
  {
    name: "FlinkJobNotRunning",
    severity: "critical",
    expr: `sluice_resource_ready == 0 unless ${ON} sluice_resource_lifecycle_state{state=~"CREATED|UPGRADING|ROLLING_BACK|DELETING"}`,
    for: "10m",
    summary: `${WHICH} has not been as its spec asks for 10 minutes`,
    meaning:
      "The condition Ready has been False for ten minutes, and no upgrade is under way: the job does not run, restarts, or runs with an older spec than the one that is asked for.",
    impact:
      "Nothing is processed, or not what was asked for. State is kept: checkpoints stay where they are.",
    look: [DOCTOR, DESCRIBE, "`sluice logs NAME -n NAMESPACE`: what the JobManager said last."],
    mend: [
      "Do what the condition's message says.",
      "If a change brought it about: `sluice rollback NAME -n NAMESPACE`. The job goes on from the state it has now.",
    ],
    fires: {
      series: [[`sluice_resource_ready{${RESOURCE}}`, "0x60"], state("FAILED")],
      after: 11,
      labels: RESOURCE_LABELS,
    },
    silent: [
      {
        why: "an upgrade is under way",
        series: [[`sluice_resource_ready{${RESOURCE}}`, "0x60"], state("UPGRADING")],
        after: 30,
      },
      {
        why: "it was ready in between",
        series: [[`sluice_resource_ready{${RESOURCE}}`, "0x5 1 0x30"], state("DEPLOYED")],
        after: 12,
      },
    ],
  },
  {
    name: "FlinkResourceStalled",
    severity: "warning",
    expr: "sluice_resource_stalled == 1",
    for: "5m",
    summary: `${WHICH} waits for a person: {{ $labels.reason }}`,
    meaning:
      "Something stands in the way that Sluice cannot mend. The condition Stalled says what, and the next step.",
    impact:
      "What was asked for does not happen. A job that ran before may go on running with its older spec.",
    look: [DESCRIBE, DOCTOR],
    mend: ["Do what the condition's message says; Sluice goes on by itself."],
    fires: {
      series: [[`sluice_resource_stalled{${RESOURCE},reason="JobFailed"}`, "1x60"]],
      after: 6,
      labels: { ...RESOURCE_LABELS, reason: "JobFailed" },
    },
    silent: [
      {
        why: "it was mended in time",
        series: [[`sluice_resource_stalled{${RESOURCE},reason="JobFailed"}`, "1x3 _x60"]],
        after: 10,
      },
    ],
  },
  {
    name: "FlinkJobRestarting",
    severity: "warning",
    expr: "increase(flink_jobmanager_job_numRestarts[15m]) > 3",
    summary: `${WHICH_JOB} has restarted more than three times in 15 minutes`,
    meaning: "The job fails again and again, and Flink starts it again from its last checkpoint each time.",
    impact: "Lag grows. Output of exactly-once sinks stands still while no checkpoint completes.",
    look: [
      DOCTOR,
      "The exceptions: `sluice describe`, or the web interface, Exceptions.",
      "Dashboard *Flink / TaskManagers and JVM*: a heap that is full, pods that go.",
    ],
    mend: [
      "A record that the job cannot read: a version of the job that can, or skips it.",
      "Memory: more of it, `spec.taskManager.resource.memory`.",
      "After a change: `sluice rollback NAME -n NAMESPACE`.",
    ],
    fires: {
      series: [[`flink_jobmanager_job_numRestarts{${OF_JOB}}`, "0+1x60"]],
      after: 20,
      labels: JOB_LABELS,
    },
    silent: [
      {
        why: "two restarts are what Flink is for",
        series: [[`flink_jobmanager_job_numRestarts{${OF_JOB}}`, "0x10 1x5 2x60"]],
        after: 20,
      },
    ],
  },
  {
    name: "FlinkCheckpointsFailing",
    severity: "warning",
    expr: "increase(flink_jobmanager_job_numberOfFailedCheckpoints[30m]) > 2 and increase(flink_jobmanager_job_numberOfFailedCheckpoints[30m]) > increase(flink_jobmanager_job_numberOfCompletedCheckpoints[30m]) / 4",
    for: "5m",
    summary: `${WHICH_JOB}: of its checkpoints within 30 minutes more than every fifth has failed`,
    meaning:
      "Checkpoints time out, or cannot be written. A few that fail while a job starts are none of this: its tasks do not run yet.",
    impact:
      "After a failure the job goes back to the last one that completed: more is processed again, and the later it is the longer.",
    look: [
      "Dashboard *Flink / Checkpoints and state*: start delay (back pressure), alignment (one slow input), size.",
      "`sluice logs NAME -n NAMESPACE`: errors of the storage.",
    ],
    mend: [
      "Back pressure: see FlinkBackPressure; or unaligned checkpoints, `execution.checkpointing.unaligned.enabled: true`.",
      "Storage: keys, quota, `sluice doctor` names them.",
      "Large state: incremental checkpoints, a longer `execution.checkpointing.timeout`.",
    ],
    fires: {
      series: [
        [`flink_jobmanager_job_numberOfFailedCheckpoints{${OF_JOB}}`, "0+1x60"],
        [`flink_jobmanager_job_numberOfCompletedCheckpoints{${OF_JOB}}`, "7+1x60"],
      ],
      after: 40,
      labels: JOB_LABELS,
    },
    silent: [
      {
        why: "one that fails is no trouble",
        series: [
          [`flink_jobmanager_job_numberOfFailedCheckpoints{${OF_JOB}}`, "0x10 1x60"],
          [`flink_jobmanager_job_numberOfCompletedCheckpoints{${OF_JOB}}`, "0x90"],
        ],
        after: 40,
      },
      {
        why: "they failed while the job started",
        series: [
          [`flink_jobmanager_job_numberOfFailedCheckpoints{${OF_JOB}}`, "0 6x60"],
          [`flink_jobmanager_job_numberOfCompletedCheckpoints{${OF_JOB}}`, "0+20x60"],
        ],
        after: 20,
      },
    ],
  },
  {
    name: "FlinkCheckpointTooOld",
    severity: "critical",
    expr: "increase(flink_jobmanager_job_numberOfCompletedCheckpoints[1h]) == 0 and flink_jobmanager_job_totalNumberOfCheckpoints > 0 and flink_jobmanager_job_runningTime > 3600000",
    for: "5m",
    summary: `${WHICH_JOB} has completed no checkpoint for an hour`,
    meaning:
      "The job runs and makes checkpoints, and for an hour none has completed. With an interval of more than half an hour, raise the alert's range.",
    impact: "A failure now costs an hour of work that is done again, and lag.",
    look: ["Dashboard *Flink / Checkpoints and state*.", DOCTOR],
    mend: [
      "As for FlinkCheckpointsFailing.",
      "`kubernetes.operator.cluster.health-check.enabled: true` restarts such a job by itself.",
    ],
    fires: {
      series: [
        [`flink_jobmanager_job_numberOfCompletedCheckpoints{${OF_JOB}}`, "7x90"],
        [`flink_jobmanager_job_totalNumberOfCheckpoints{${OF_JOB}}`, "7+1x90"],
        [`flink_jobmanager_job_runningTime{${OF_JOB}}`, "3000000+60000x90"],
      ],
      after: 70,
      labels: JOB_LABELS,
    },
    silent: [
      {
        why: "it makes no checkpoints at all, and was not asked to",
        series: [
          [`flink_jobmanager_job_numberOfCompletedCheckpoints{${OF_JOB}}`, "0x90"],
          [`flink_jobmanager_job_totalNumberOfCheckpoints{${OF_JOB}}`, "0x90"],
          [`flink_jobmanager_job_runningTime{${OF_JOB}}`, "0+60000x90"],
        ],
        after: 80,
      },
      {
        why: "it completes them",
        series: [
          [`flink_jobmanager_job_numberOfCompletedCheckpoints{${OF_JOB}}`, "0+1x90"],
          [`flink_jobmanager_job_totalNumberOfCheckpoints{${OF_JOB}}`, "0+1x90"],
          [`flink_jobmanager_job_runningTime{${OF_JOB}}`, "0+60000x90"],
        ],
        after: 80,
      },
    ],
  },
  {
    name: "FlinkBackPressure",
    severity: "info",
    expr: "max by (namespace, flink_deployment, job_name, task_name) (flink_taskmanager_job_task_backPressuredTimeMsPerSecond) > 800",
    for: "15m",
    summary: `${WHICH_JOB}: task {{ $labels.task_name }} has waited more than 80 % of its time for 15 minutes`,
    meaning:
      "A task after this one is slower than its input. The task that is busy, and whose predecessors wait, is the bottleneck.",
    impact: "Lag grows, and checkpoints take longer.",
    look: [
      "Dashboard *Flink / Job*, What holds it up.",
      "The sink's other side: a database or topic that is slow.",
    ],
    mend: [
      "A higher parallelism: `sluice scale NAME --parallelism N -n NAMESPACE`.",
      "A key that has most of the records: another key.",
    ],
    fires: {
      series: [
        [`flink_taskmanager_job_task_backPressuredTimeMsPerSecond{${OF_JOB},task_name="map"}`, "950x60"],
      ],
      after: 16,
      labels: { ...JOB_LABELS, task_name: "map" },
    },
    silent: [
      {
        why: "it passes",
        series: [
          [
            `flink_taskmanager_job_task_backPressuredTimeMsPerSecond{${OF_JOB},task_name="map"}`,
            "950x10 100x60",
          ],
        ],
        after: 16,
      },
    ],
  },
  {
    name: "FlinkLagGrowing",
    severity: "warning",
    expr: "deriv(sum by (namespace, flink_deployment, job_name, operator_name) (flink_taskmanager_job_task_operator_pendingRecords)[30m:1m]) > 0 and sum by (namespace, flink_deployment, job_name, operator_name) (flink_taskmanager_job_task_operator_pendingRecords) > 10000",
    for: "30m",
    summary: `${WHICH_JOB}: what source {{ $labels.operator_name }} has not read has grown for half an hour`,
    meaning: "More comes in than the job processes.",
    impact: "Results come later and later; what the topic does not keep long enough is lost to the job.",
    look: ["Dashboard *Flink / Sources, lag and watermarks*.", "Dashboard *Flink / Job*, What holds it up."],
    mend: [
      "A higher parallelism, not above the number of partitions.",
      "See FlinkBackPressure, FlinkJobRestarting.",
    ],
    fires: {
      series: [
        [
          `flink_taskmanager_job_task_operator_pendingRecords{${OF_JOB},operator_name="Source"}`,
          "0+1000x120",
        ],
      ],
      after: 70,
      labels: { ...JOB_LABELS, operator_name: "Source" },
    },
    silent: [
      {
        why: "it is caught up with",
        series: [
          [
            `flink_taskmanager_job_task_operator_pendingRecords{${OF_JOB},operator_name="Source"}`,
            "100000-500x120",
          ],
        ],
        after: 70,
      },
      {
        why: "it is small",
        series: [
          [
            `flink_taskmanager_job_task_operator_pendingRecords{${OF_JOB},operator_name="Source"}`,
            "0+10x120",
          ],
        ],
        after: 70,
      },
    ],
  },
  {
    name: "FlinkUpgradeStuck",
    severity: "warning",
    expr: 'sluice_resource_lifecycle_state{state=~"CREATED|UPGRADING|ROLLING_BACK"} == 1',
    for: "15m",
    summary: `${WHICH} has been {{ $labels.state }} for 15 minutes`,
    meaning:
      "A start, an upgrade or a rollback does not come to its end: a savepoint that lasts, pods that find no place, a JobManager that does not answer.",
    impact: "The job may stand still. Its state is safe: each step is recorded before it is made.",
    look: ["The condition Reconciling says what is awaited: `kubectl get flinkdep NAME -o yaml`.", DOCTOR],
    mend: [
      "No place for pods: quota, nodes.",
      "A savepoint that does not end: see FlinkBackPressure; or `upgradeMode: last-state`, which needs none.",
      "Undo the change in the spec: Sluice goes back.",
    ],
    fires: { series: [state("UPGRADING")], after: 16, labels: { ...RESOURCE_LABELS, state: "UPGRADING" } },
    silent: [
      {
        why: "it came to its end",
        series: [
          [`sluice_resource_lifecycle_state{${RESOURCE},state="UPGRADING"}`, "1x5 _x60"],
          [`sluice_resource_lifecycle_state{${RESOURCE},state="STABLE"}`, "_x5 1x60"],
        ],
        after: 20,
      },
    ],
  },
  {
    name: "FlinkRolledBack",
    severity: "warning",
    expr: 'sluice_resource_lifecycle_state{state="ROLLED_BACK"} == 1',
    summary: `${WHICH} runs with its last stable spec: the newest one failed`,
    meaning: "A change did not run, and Sluice went back to the last spec that did. The job goes on.",
    impact: "The job does not do what the newest spec asks for.",
    look: ["`sluice history NAME -n NAMESPACE`: which spec failed, and why.", DESCRIBE],
    mend: [
      "Mend the spec, and apply it: that is a new change.",
      "Or put the old one back into the manifest.",
    ],
    fires: { series: [state("ROLLED_BACK")], after: 1, labels: { ...RESOURCE_LABELS, state: "ROLLED_BACK" } },
    silent: [{ why: "it runs as asked", series: [state("STABLE")], after: 10 }],
  },
  {
    name: "FlinkJobManagerLost",
    severity: "critical",
    expr: `sluice_resource_jobmanager_status{status=~"MISSING|ERROR"} unless ${ON} sluice_resource_lifecycle_state{state=~"CREATED|UPGRADING|ROLLING_BACK|SUSPENDED|DELETING"} unless ${ON} sluice_resource_job_state{state=~"FINISHED|CANCELED"}`,
    for: "5m",
    summary: `The JobManager of ${WHICH} is {{ $labels.status }}`,
    meaning:
      "The JobManager's Deployment is gone or cannot run, and for five minutes Sluice has not brought it back.",
    impact: "The job does not run, or runs without anybody who could restart it.",
    look: [DOCTOR, "`kubectl -n NAMESPACE get deployments,pods,events`."],
    mend: [
      "An image that cannot be pulled, a quota, an admission policy: what the event says.",
      "HA metadata lost: [recovery](../recovery.md).",
    ],
    fires: {
      series: [
        [`sluice_resource_jobmanager_status{${RESOURCE},status="MISSING"}`, "1x60"],
        state("DEPLOYED"),
      ],
      after: 6,
      labels: { ...RESOURCE_LABELS, status: "MISSING" },
    },
    silent: [
      {
        why: "the job is suspended",
        series: [
          [`sluice_resource_jobmanager_status{${RESOURCE},status="MISSING"}`, "1x60"],
          state("SUSPENDED"),
        ],
        after: 10,
      },
      {
        why: "the job has finished, and its JobManager has gone in time",
        series: [
          [`sluice_resource_jobmanager_status{${RESOURCE},status="MISSING"}`, "1x60"],
          [`sluice_resource_job_state{${RESOURCE},state="FINISHED"}`, "1x60"],
          state("STABLE"),
        ],
        after: 10,
      },
    ],
  },
];
