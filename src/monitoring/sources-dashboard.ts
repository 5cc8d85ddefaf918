/** The dashboard of what a job reads, and of its event time. */
import type { Dashboard } from "./dashboard.ts";
import { DEPLOYMENT, JOB, NAMESPACE, OF_JOB } from "./flink-variables.ts";

const KAFKA = "a Kafka source (KafkaSource)";

export const sources: Dashboard = {
  uid: "sluice-flink-sources",
  title: "Flink / Sources, lag and watermarks",
  about: "How far a job is behind its sources, and how far its event time is behind the clock.",
  variables: [NAMESPACE, DEPLOYMENT, JOB],
  rows: [
    {
      title: "Sources",
      panels: [
        {
          title: "Records a second",
          unit: "ops",
          queries: [
            {
              expr: `sum by (namespace, flink_deployment, operator_name) (rate(flink_taskmanager_job_task_operator_numRecordsOut{${OF_JOB},operator_name=~"Source.*"}[$__rate_interval]))`,
              legend: "{{namespace}} {{operator_name}}",
            },
          ],
        },
        {
          title: "Records that wait",
          about: "What the source knows to be there and has not read.",
          needs: "a source that tells it (Kafka and others)",
          queries: [
            {
              expr: `sum by (namespace, flink_deployment, operator_name) (flink_taskmanager_job_task_operator_pendingRecords{${OF_JOB}})`,
              legend: "{{namespace}} {{operator_name}}",
            },
          ],
        },
        {
          title: "Errors of sources",
          queries: [
            {
              expr: `sum by (namespace, flink_deployment, operator_name) (flink_taskmanager_job_task_operator_numRecordsInErrors{${OF_JOB}})`,
              legend: "{{namespace}} {{operator_name}}",
            },
          ],
        },
        {
          title: "Idle for",
          unit: "ms",
          about: "A source that has had nothing to read for so long.",
          needs: "a source that has been idle",
          queries: [
            {
              expr: `max by (namespace, flink_deployment, operator_name) (flink_taskmanager_job_task_operator_sourceIdleTime{${OF_JOB}})`,
              legend: "{{namespace}} {{operator_name}}",
            },
          ],
        },
      ],
    },
    {
      title: "Kafka",
      panels: [
        {
          title: "Lag of the consumer",
          about: "The partition that is furthest behind, in records.",
          needs: KAFKA,
          queries: [
            {
              expr: `max by (namespace, flink_deployment, operator_name) (flink_taskmanager_job_task_operator_KafkaSourceReader_KafkaConsumer_records_lag_max{${OF_JOB}})`,
              legend: "{{namespace}} {{operator_name}}",
            },
          ],
        },
        {
          title: "Offsets committed and failed",
          unit: "ops",
          needs: KAFKA,
          queries: [
            {
              expr: `sum by (namespace, flink_deployment) (rate(flink_taskmanager_job_task_operator_KafkaSourceReader_commitsSucceeded{${OF_JOB}}[$__rate_interval]))`,
              legend: "committed {{namespace}}/{{flink_deployment}}",
            },
            {
              expr: `sum by (namespace, flink_deployment) (rate(flink_taskmanager_job_task_operator_KafkaSourceReader_commitsFailed{${OF_JOB}}[$__rate_interval]))`,
              legend: "failed {{namespace}}/{{flink_deployment}}",
            },
          ],
        },
      ],
    },
    {
      title: "Watermarks",
      panels: [
        {
          title: "Watermark behind the clock",
          about: "The least of each task's inputs. It grows where event time stands still.",
          unit: "s",
          needs: "watermarks",
          queries: [
            {
              expr: `time() - min by (namespace, flink_deployment, task_name) (flink_taskmanager_job_task_currentInputWatermark{${OF_JOB}} > 0) / 1000`,
              legend: "{{namespace}} {{task_name}}",
            },
          ],
        },
        {
          title: "Event time behind the clock when records leave the source",
          unit: "ms",
          needs: "a source that gives records their event time (Kafka and others)",
          queries: [
            {
              expr: `max by (namespace, flink_deployment, operator_name) (flink_taskmanager_job_task_operator_currentEmitEventTimeLag{${OF_JOB}} >= 0)`,
              legend: "{{namespace}} {{operator_name}}",
            },
          ],
        },
        {
          title: "Watermark of each task",
          unit: "dateTimeAsIso",
          needs: "watermarks",
          queries: [
            {
              expr: `min by (namespace, flink_deployment, task_name) (flink_taskmanager_job_task_currentInputWatermark{${OF_JOB}} > 0)`,
              legend: "{{namespace}} {{task_name}}",
            },
          ],
        },
        {
          title: "Records that came too late",
          needs: "windows or other operators that drop late records",
          queries: [
            {
              expr: `sum by (namespace, flink_deployment, operator_name) (flink_taskmanager_job_task_operator_numLateRecordsDropped{${OF_JOB}})`,
              legend: "{{namespace}} {{operator_name}}",
            },
          ],
        },
      ],
    },
  ],
};
