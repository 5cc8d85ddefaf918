/** The model of Kubernetes and Flink as a target: commands run against it as against a real one, and can be killed at any call. */
import type { FlinkDeployment } from "../../src/api/flink-deployment.ts";
import type { FlinkAnswer } from "../../src/flink/rest-answers.ts";
import type { FlinkRestClient } from "../../src/flink-rest/client.ts";
import type { FlinkAnswers } from "../../src/reconcile/decision.ts";
import type { Time } from "../../src/targets/follow.ts";
import type { Surroundings } from "../../src/targets/job.ts";
import { Refusal, type StoredRecord, type Target } from "../../src/targets/target.ts";
import { World } from "./world.ts";
import { deployment } from "./play.ts";

/** Nothing catches it: the process is gone. */
export class Killed extends Refusal {
  constructor() {
    super("interrupted", "killed");
  }
}

function answerOf(world: World, question: keyof FlinkAnswers): () => Promise<unknown> {
  return async () => structuredClone(world.answer(question)[question] as FlinkAnswer<unknown>);
}

/** Only what passes ask; what they do goes by `execute`. */
function flinkOf(world: World): FlinkRestClient {
  return {
    config: answerOf(world, "config"),
    jobsOverview: answerOf(world, "jobs"),
    applicationsOverview: answerOf(world, "applications"),
    jobCheckpoints: answerOf(world, "checkpoints"),
    jobExceptions: answerOf(world, "exceptions"),
    jobMetrics: answerOf(world, "metrics"),
    savepointStatus: answerOf(world, "savepoint"),
    checkpointStatus: answerOf(world, "checkpoint"),
  } as unknown as FlinkRestClient;
}

export class ModelTarget {
  readonly world = new World(deployment("savepoint", true));
  /** In the API server, where an operator sees it. */
  resource: FlinkDeployment | undefined;
  #stored: StoredRecord | undefined;
  #version = 0;

  get stored(): StoredRecord | undefined {
    return this.#stored;
  }

  get record(): Readonly<Record<string, string>> | undefined {
    return this.#stored?.data;
  }

  /** What a person does with kubectl. */
  edit(data: Readonly<Record<string, string>>): void {
    this.#stored = { data: { ...this.#stored?.data, ...data }, version: String(++this.#version) };
  }

  /** On top of that version; no data: it is deleted. The new version; undefined: somebody else wrote first. */
  write(data: Readonly<Record<string, string>> | undefined, version: string | undefined): string | undefined {
    if (this.#stored?.version !== version) return undefined;
    const next = String(++this.#version);
    this.#stored = data && { data: structuredClone(data), version: next };
    return next;
  }

  /** What one command has. It dies in place of the call after `calls` calls, or, `late`, when that call has had its effect. */
  command(
    calls = Number.POSITIVE_INFINITY,
    late = false,
  ): { readonly surroundings: Surroundings; readonly made: () => number } {
    let made = 0;
    const counted = async <T>(call: () => T): Promise<T> => {
      const isLast = made++ >= calls;
      if (isLast && !late) throw new Killed();
      const result = call();
      if (isLast) throw new Killed();
      return result;
    };
    const { world } = this;
    const time: Time = { now: () => world.now, sleep: async () => world.tick() };
    const surroundings: Surroundings = {
      target: this.#target(counted),
      timeoutMs: 600_000,
      signal: new AbortController().signal,
      progress: () => undefined,
      time,
    };
    return { surroundings, made: () => made };
  }

  #target(counted: <T>(call: () => T) => Promise<T>): Target {
    const { world } = this;
    return {
      name: "kubernetes",
      namespace: "default",
      records: {
        describe: (name) => `record of ${name}`,
        list: async () => (this.#stored === undefined ? [] : ["job"]),
        read: async () => this.#stored,
        write: (_, data, version) => counted(() => this.write(data, version)),
      },
      lock: async () => ({ lost: new AbortController().signal, release: async () => undefined }),
      requireOwn: async (name) => {
        if (this.resource !== undefined) throw new Refusal("act", `an operator looks after ${name}`);
      },
      prepare: async (_, spec) => ({ spec, differences: [] }),
      observe: async (resource) => {
        // The model answers for the trigger that the status names.
        world.resource = structuredClone(resource);
        const { deployment, taskManagers, pods, services, configMaps } = world;
        return structuredClone({ deployment, taskManagers, pods, services, configMaps });
      },
      flinkFor: () => flinkOf(world),
      execute: async (action) => {
        await counted(() => world.execute(structuredClone(action)));
        return undefined;
      },
      findRetained: async (question) => world.retained(question),
      findSnapshot: async (path) =>
        world.storage.has(path)
          ? { kind: "found", path, checkpointId: 1, completed: world.now }
          : { kind: "none" },
      close: async () => undefined,
    };
  }
}
