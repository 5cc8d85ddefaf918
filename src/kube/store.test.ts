import { describe, expect, test } from "vitest";
import type { KubeObject } from "../api/kube-object.ts";
import { compareResourceVersions } from "./resource-version.ts";
import { keyFor, keyOf, Store } from "./store.ts";

function object(
  name: string,
  resourceVersion: number,
  extra: { uid?: string; labels?: Record<string, string> } = {},
): KubeObject {
  const metadata = {
    name,
    namespace: "n",
    resourceVersion: String(resourceVersion),
    uid: `${name}-1`,
    ...extra,
  };
  return { apiVersion: "v1", kind: "Pod", metadata };
}

const version = (one: KubeObject | undefined): string => one?.metadata.resourceVersion ?? "-";

function recorded(): { store: Store<KubeObject>; changes: string[] } {
  const changes: string[] = [];
  const store = new Store<KubeObject>(
    (key, now, before) => changes.push(`${key} ${version(before)}>${version(now)}`),
    { app: ({ metadata }) => (metadata.labels?.["app"] === undefined ? [] : [metadata.labels["app"]]) },
  );
  return { store, changes };
}

function listed(store: Store<KubeObject>, at: number, ...objects: KubeObject[]): void {
  store.beginList();
  store.addPage(objects, String(at));
  store.endList(String(at));
}

describe("lists", () => {
  test("the first one makes everything new", () => {
    const { store, changes } = recorded();
    listed(store, 5, object("a", 1), object("b", 2));
    expect(changes).toEqual(["n/a ->1", "n/b ->2"]);
  });

  test("a later one tells only what differs, with deletions that no watch delivered", () => {
    const { store, changes } = recorded();
    listed(store, 5, object("a", 1), object("b", 2), object("c", 3));
    changes.length = 0;
    listed(store, 9, object("a", 1), object("b", 8));
    expect(changes).toEqual(["n/b 2>8", "n/c 3>-"]);
  });

  test("an object made after the list was taken stays", () => {
    const { store } = recorded();
    listed(store, 5);
    store.beginList();
    store.putOwn(object("a", 12));
    store.addPage([], "9");
    store.endList("9");
    expect(store.get("n/a")).toBeDefined();
  });

  test("a list that breaks off in the middle deletes nothing", () => {
    const { store } = recorded();
    listed(store, 5, object("a", 1), object("b", 2));
    store.beginList();
    store.addPage([object("a", 1)], "9");
    listed(store, 10, object("a", 1), object("b", 2));
    expect(store.size).toBe(2);
  });

  test("a server whose history was set back is believed", () => {
    const { store, changes } = recorded();
    listed(store, 500, object("a", 400), object("b", 450));
    changes.length = 0;
    listed(store, 90, object("a", 80));
    expect(changes).toEqual(["n/a 400>80", "n/b 450>-"]);
    store.put(object("a", 95));
    expect(store.get("n/a")?.metadata.resourceVersion).toBe("95");
  });
});

describe("own writes", () => {
  test("are seen at once", () => {
    const { store, changes } = recorded();
    listed(store, 5, object("a", 1));
    store.putOwn(object("a", 7));
    expect(changes.at(-1)).toBe("n/a 1>7");
  });

  test("are not overtaken by older events", () => {
    const { store } = recorded();
    listed(store, 5, object("a", 1));
    store.putOwn(object("a", 7));
    store.put(object("a", 6));
    expect(store.get("n/a")?.metadata.resourceVersion).toBe("7");
  });

  test("are told once", () => {
    const { store, changes } = recorded();
    listed(store, 5);
    store.putOwn(object("a", 7));
    store.put(object("a", 7));
    expect(changes).toEqual(["n/a ->7"]);
  });

  test("do not bring back what was deleted meanwhile", () => {
    const { store } = recorded();
    listed(store, 5, object("a", 1));
    store.delete(object("a", 8));
    store.putOwn(object("a", 7));
    expect(store.size).toBe(0);
  });

  test("survive the late news of their predecessor's end", () => {
    const { store } = recorded();
    listed(store, 5, object("a", 1));
    store.putOwn(object("a", 9, { uid: "a-2" }));
    store.delete(object("a", 8));
    expect(store.get("n/a")?.metadata.uid).toBe("a-2");
  });
});

describe("finding", () => {
  test("by namespace", () => {
    const { store } = recorded();
    listed(store, 5, object("a", 1), {
      ...object("b", 2),
      metadata: { ...object("b", 2).metadata, namespace: "m" },
    });
    expect(store.list("m").map(keyOf)).toEqual(["m/b"]);
    expect(store.list()).toHaveLength(2);
    expect(store.list("none")).toEqual([]);
  });

  test("by a declared index, which follows changes", () => {
    const { store } = recorded();
    listed(store, 5, object("a", 1, { labels: { app: "x" } }), object("b", 2, { labels: { app: "x" } }));
    expect(store.byIndex("app", "x").map(keyOf)).toEqual(["n/a", "n/b"]);
    store.put(object("a", 6, { labels: { app: "y" } }));
    store.delete(object("b", 7));
    expect(store.byIndex("app", "x")).toEqual([]);
    expect(store.byIndex("app", "y").map(keyOf)).toEqual(["n/a"]);
  });

  test("an index that was not declared is a mistake", () => {
    expect(() => recorded().store.byIndex("other", "x")).toThrow(RangeError);
  });

  test("cluster-scoped objects are found by their name", () => expect(keyFor(undefined, "a")).toBe("a"));
});

test.each([
  ["9", "10", -1],
  ["10", "9", 1],
  ["10", "10", 0],
  ["99999999999999999998", "99999999999999999999", -1],
  ["abc", "10", 1],
])("resourceVersion %s compared with %s is %i", (a, b, sign) => {
  expect(Math.sign(compareResourceVersions(a, b))).toBe(sign);
});
