/** Against real HTTP servers that fail, hang, redirect and refuse. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { waitFor } from "../../testbed/lib/wait.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { createLogger } from "../telemetry/log.ts";
import { Metrics } from "../telemetry/metrics/metrics.ts";
import type { DeliveryOptions } from "./delivery.ts";
import { Notifier } from "./notifier.ts";

const deadline = 10_000;
const TOKEN = "SECRET-a1b2";

interface Seen {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly id: string;
}

async function receiver(
  answer: (response: ServerResponse, nth: number, request: IncomingMessage) => void,
): Promise<{ readonly url: string; readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { id } = JSON.parse(body) as { id: string };
      seen.push({ path: request.url ?? "", authorization: request.headers.authorization, id });
      answer(response, seen.length, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${TOKEN}?token=${TOKEN}`, seen };
}

const ok = (response: ServerResponse): void => void response.writeHead(204).end();
const status = (response: ServerResponse, code: number, headers = {}): void =>
  void response.writeHead(code, headers).end(`${TOKEN} refused`);

interface Told {
  readonly notifier: Notifier;
  readonly configure: (receivers: Readonly<Record<string, object>>) => void;
  readonly tell: (count?: number) => void;
  readonly results: () => Promise<Record<string, number>>;
  readonly logs: string[];
}

/** Checks at its end that nothing said holds an address. */
function start(options: Partial<DeliveryOptions> = {}): Told {
  const metrics = new Metrics();
  const logs: string[] = [];
  const log = createLogger("debug", { write: (line) => void logs.push(line) });
  const notifier = new Notifier({ metrics, log, backoffMs: 20, ...options });
  let version = 0;
  onTestFinished(async () => {
    await notifier.close();
    expect(`${logs.join("")}${await metrics.text()}`).not.toMatch(/SECRET|127\.0\.0\.1/);
  });
  const resource = (lifecycleState: string): KubeObject => {
    const metadata = { name: "job", namespace: "team", uid: "u", resourceVersion: String(version) };
    return {
      apiVersion: "flink.apache.org/v1beta1",
      kind: "FlinkDeployment",
      metadata,
      status: { lifecycleState },
    };
  };
  return {
    notifier,
    logs,
    configure: (receivers) => {
      const settings = Object.entries(receivers).flatMap(([name, fields]) =>
        Object.entries(fields).map(([key, value]) => [`sluice.notifications.${name}.${key}`, String(value)]),
      );
      notifier.configure(Object.fromEntries(settings) as Record<string, string>);
    },
    tell: (count = 1) => {
      for (let nth = 0; nth < count; nth++) {
        version++;
        notifier.written(resource("STABLE"), resource("FAILED"));
      }
    },
    results: async () => {
      const { values } = await metrics.record.notifications.get();
      const retries = (await metrics.record.notificationRetries.get()).values;
      const counted = values.map(
        ({ labels, value }) => [`${labels.receiver} ${labels.result}`, value] as const,
      );
      const again = retries.map(({ labels, value }) => [`${labels.receiver} retries`, value] as const);
      return Object.fromEntries([...counted, ...again].filter(([, value]) => value > 0)) as Record<
        string,
        number
      >;
    },
  };
}

const ids = ({ seen }: { readonly seen: readonly Seen[] }): string[] => seen.map(({ id }) => id);

test("500, then 200: the same id again, in order", async () => {
  const server = await receiver((response, nth) => (nth <= 2 ? status(response, 500) : ok(response)));
  const { configure, tell, results, logs } = start();
  configure({ team: { url: server.url } });
  tell(2);
  await waitFor("both", async () => (await results())["team sent"] === 2, { deadline });
  expect(ids(server)).toEqual(["u-1", "u-1", "u-1", "u-2"]);
  expect(await results()).toEqual({ "team sent": 2, "team retries": 2 });
  expect(logs.filter((line) => line.includes("trying again"))).toHaveLength(1);
  expect(logs.filter((line) => line.includes("arrive again"))).toHaveLength(1);
});

test("a connection that breaks off, and an answer without an end", async () => {
  const server = await receiver((response, nth, request) => {
    if (nth === 1) request.socket.destroy();
    else if (nth === 2) response.writeHead(200).write("x".repeat(100_000));
    else ok(response);
  });
  const { configure, tell, results } = start({ deadlineMs: 200 });
  configure({ team: { url: server.url } });
  tell(2);
  await waitFor("both", async () => (await results())["team sent"] === 2, { deadline });
  expect(ids(server).slice(0, 2)).toEqual(["u-1", "u-1"]);
  expect([...new Set(ids(server))]).toEqual(["u-1", "u-2"]);
});

test("who hangs holds up himself alone, and no pass; a request has its deadline", async () => {
  const [hanging, good] = [await receiver(() => undefined), await receiver(ok)];
  const hangsMs = 1500;
  const { configure, tell, results } = start({ deadlineMs: hangsMs });
  configure({ hanging: { url: hanging.url }, good: { url: good.url } });
  const began = performance.now();
  tell(100);
  // Had one of them waited for one request, it would be more.
  expect(performance.now() - began).toBeLessThan(hangsMs);
  await waitFor("the good one", () => good.seen.length >= 100, { deadline });
  expect(new Set(ids(good)).size).toBe(100);
  await waitFor("another try", () => hanging.seen.length > 1, { deadline });
  expect(new Set(ids(hanging))).toEqual(new Set(["u-1"]));
  expect((await results())["hanging sent"]).toBeUndefined();
});

test("redirects are not followed: the token stays where it is", async () => {
  const elsewhere = await receiver(ok);
  const server = await receiver((response) => status(response, 307, { location: elsewhere.url }));
  const { configure, tell, results } = start();
  configure({ team: { url: server.url } });
  tell();
  await waitFor("the end", async () => (await results())["team rejected"] === 1, { deadline });
  expect(elsewhere.seen).toEqual([]);
  expect(server.seen).toHaveLength(1);
});

test.each([400, 401, 404, 410])("%i is for good, and the next one is tried", async (code) => {
  const server = await receiver((response, nth) => (nth === 1 ? status(response, code) : ok(response)));
  const { configure, tell, results } = start();
  configure({ team: { url: server.url } });
  tell(2);
  await waitFor("both", async () => (await results())["team sent"] === 1, { deadline });
  expect(await results()).toEqual({ "team rejected": 1, "team sent": 1 });
});

test("429 is tried again, not before it is time", async () => {
  const times: number[] = [];
  const server = await receiver((response, nth) => {
    times.push(performance.now());
    if (nth === 1) status(response, 429, { "retry-after": "1" });
    else ok(response);
  });
  const { configure, tell } = start();
  configure({ team: { url: server.url } });
  tell();
  await waitFor("the second", () => server.seen.length === 2, { deadline });
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(990);
});

test("nobody is there: given up in the end, and counted", async () => {
  const { configure, tell, results, logs } = start({ giveUpMs: 200 });
  configure({ team: { url: `http://${TOKEN}:${TOKEN}@127.0.0.1:1/${TOKEN}` } });
  tell(2);
  await waitFor("the end", async () => (await results())["team expired"] === 2, { deadline });
  expect(logs.join("")).toContain('"why":"ECONNREFUSED","msg":"notification given up"');
});

test("too many: the oldest that waits goes, and is counted", async () => {
  const server = await receiver((response, nth) => {
    if (nth > 1) ok(response);
  });
  const { configure, tell, results } = start({ limit: 3, deadlineMs: 500 });
  configure({ team: { url: server.url } });
  tell(10);
  expect(await results()).toEqual({ "team dropped": 7 });
  await waitFor("what is left", async () => (await results())["team sent"] === 3, { deadline });
  expect([...new Set(ids(server))]).toEqual(["u-1", "u-9", "u-10"]);
});

test("the address is in a file, which may change; a user and a password go into the header", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-notifications-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "url");
  const server = await receiver(ok);
  const { configure, tell, results, logs } = start();
  configure({ team: { "url-from-file": file } });
  tell();
  await waitFor("it is missed", () => logs.join("").includes("cannot be read (ENOENT)"), { deadline });
  await writeFile(file, `${server.url.replace("//", `//user:${TOKEN}@`)}\n`);
  await waitFor("it is sent", async () => (await results())["team sent"] === 1, { deadline });
  const authorization = `Basic ${Buffer.from(`user:${TOKEN}`).toString("base64")}`;
  expect(server.seen).toEqual([{ path: `/${TOKEN}?token=${TOKEN}`, authorization, id: "u-1" }]);
});

test("receivers come, move, go, and stay as they were while what is said of them is wrong", async () => {
  const [first, second] = [await receiver((response) => status(response, 503)), await receiver(ok)];
  const { configure, tell, results, logs } = start();
  configure({ team: { url: first.url }, other: { url: first.url } });
  tell();
  await waitFor("it fails", () => first.seen.length > 3, { deadline });
  configure({ team: { url: TOKEN } });
  expect(logs.join("")).toContain("sluice.notifications.team");
  configure({ team: { url: second.url } });
  await waitFor("what waited", async () => (await results())["team sent"] === 1, { deadline });
  await waitFor("what is not wanted", async () => (await results())["other dropped"] === 1, { deadline });
  expect(ids(second)).toEqual(["u-1"]);
});

test("at the end what waits is sent once more, and dropped if that fails", async () => {
  let isDown = true;
  const server = await receiver((response) => (isDown ? status(response, 503) : ok(response)));
  const down = await receiver((response) => status(response, 503));
  const { notifier, configure, tell, results } = start({ backoffMs: 60_000 });
  configure({ team: { url: server.url }, down: { url: down.url } });
  tell(3);
  await waitFor("they fail", () => server.seen.length > 0 && down.seen.length > 0, { deadline });
  isDown = false;
  const began = performance.now();
  await notifier.close();
  expect(performance.now() - began).toBeLessThan(30_000);
  expect(await results()).toMatchObject({ "team sent": 3, "down dropped": 3 });
  tell();
  expect(ids(server)).toEqual(["u-1", "u-1", "u-2", "u-3"]);
  expect(down.seen).toHaveLength(2);
});

test("an end does not wait for who hangs", async () => {
  const server = await receiver(() => undefined);
  const { notifier, configure, tell, results } = start();
  configure({ team: { url: server.url } });
  tell(2);
  await waitFor("it hangs", () => server.seen.length === 1, { deadline });
  const began = performance.now();
  await notifier.close();
  expect(performance.now() - began).toBeLessThan(8000);
  expect(await results()).toMatchObject({ "team dropped": 2 });
});
