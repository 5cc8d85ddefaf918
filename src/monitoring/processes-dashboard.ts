/** A cluster's processes: slots, CPU, memory, garbage collection, network. */
import type { Dashboard, Panel, Unit } from "./dashboard.ts";
import { CLUSTER, DEPLOYMENT, NAMESPACE } from "./flink-variables.ts";

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
