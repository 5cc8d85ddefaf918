import { describe, expect, it } from "vitest";
import { flattenConfiguration } from "../flink/configuration.ts";
import type { StateChange } from "./change.ts";
import { messageFor } from "./message.ts";
import { reasonFor, receiversOf } from "./receivers.ts";

const URL_WITH_TOKEN = "https://hooks.example.org/services/SECRET-1";
const options = (settings: object): Record<string, string> =>
  flattenConfiguration({ sluice: { notifications: settings } });

const change: StateChange = {
  apiVersion: "flink.apache.org/v1beta1",
  kind: "FlinkSessionJob",
  namespace: "team",
  name: "job",
  generation: 3,
  id: "u-8",
  time: "2026-03-01T12:00:00.000Z",
  reasons: ["RolledBack", "Ready", "LifecycleStateChanged"],
  lifecycleState: { from: "ROLLING_BACK", to: "ROLLED_BACK" },
  jobState: "RUNNING",
  message: "<!channel> a & b",
};

describe("receivers", () => {
  it("are read from options, flat, nested, and with lists of either form", () => {
    const { receivers, problems } = receiversOf({
      ...options({ team: { url: URL_WITH_TOKEN, format: "Slack", reasons: ["Stalled", "RolledBack"] } }),
      "sluice.notifications.bus.url-from-file": "/etc/notify/url",
      "sluice.notifications.bus.namespaces": "a, b",
      "sluice.log.level": "debug",
    });
    expect(problems).toEqual([]);
    const [team, bus] = receivers;
    expect(team).toMatchObject({ name: "team", format: "slack", namespaces: undefined });
    expect([...(team?.reasons ?? [])]).toEqual(["Stalled", "RolledBack"]);
    expect(bus).toMatchObject({ address: { file: "/etc/notify/url" }, format: "cloudevents" });
    expect([...(bus?.namespaces ?? [])]).toEqual(["a", "b"]);
    expect(bus?.reasons.size).toBe(14);
  });

  it.each<[object, string]>([
    [{ format: "slack" }, "needs url or url-from-file"],
    [{ url: "SECRET-2" }, "url must begin with https:// or http:// and a host"],
    [{ url: "ftp://u:SECRET-3@host" }, "url must begin with https:// or http:// and a host"],
    [{ url: URL_WITH_TOKEN, "url-from-file": "/a" }, "give url or url-from-file, not both"],
    [{ "url-from-file": "a" }, "url-from-file must be an absolute path"],
    [{ url: URL_WITH_TOKEN, format: "SECRET-4" }, "format must be one of cloudevents, slack"],
    [{ url: URL_WITH_TOKEN, uri: "x" }, "no such setting: uri"],
    [{ url: URL_WITH_TOKEN, reasons: "Stalled,Broken" }, "reasons must be among Stalled, Failed"],
  ])("that are wrong are named, without their values: %j", (settings, problem) => {
    const { receivers, problems } = receiversOf(options({ team: settings, good: { url: URL_WITH_TOKEN } }));
    expect(problems).toMatchObject([{ receiver: "team", option: "sluice.notifications.team" }]);
    expect(problems[0]?.problem).toContain(problem);
    expect(JSON.stringify(problems)).not.toContain("SECRET");
    expect(receivers.map(({ name }) => name)).toEqual(["good"]);
  });

  it("have names that can be labels", () => {
    expect(
      receiversOf({ "sluice.notifications.My Team.url": URL_WITH_TOKEN }).problems[0]?.problem,
    ).toContain("name");
  });

  it("are told of what they asked for, by the weightiest reason", () => {
    const told = (settings: object): string | undefined => {
      const [receiver] = receiversOf(options({ team: { url: URL_WITH_TOKEN, ...settings } })).receivers;
      return receiver && reasonFor(receiver, change);
    };
    expect(told({})).toBe("RolledBack");
    expect(told({ reasons: "Ready, LifecycleStateChanged" })).toBe("Ready");
    expect(told({ reasons: "Stalled" })).toBeUndefined();
    expect(told({ namespaces: "team" })).toBe("RolledBack");
    expect(told({ namespaces: "other" })).toBeUndefined();
  });
});

describe("messages", () => {
  it("a CloudEvent, structured", () => {
    const { contentType, body } = messageFor(change, "RolledBack", "cloudevents");
    expect(contentType).toBe("application/cloudevents+json; charset=utf-8");
    expect(JSON.parse(body)).toEqual({
      specversion: "1.0",
      id: "u-8",
      source: "/apis/flink.apache.org/v1beta1/namespaces/team/flinksessionjobs/job",
      type: "sluice.RolledBack",
      subject: "job",
      time: "2026-03-01T12:00:00.000Z",
      datacontenttype: "application/json",
      data: {
        kind: "FlinkSessionJob",
        namespace: "team",
        name: "job",
        generation: 3,
        reasons: ["RolledBack", "Ready", "LifecycleStateChanged"],
        lifecycleState: { from: "ROLLING_BACK", to: "ROLLED_BACK" },
        jobState: "RUNNING",
        message: "<!channel> a & b",
      },
    });
  });

  it("a chat's text, in which a job cannot call everybody", () => {
    const { body } = messageFor(change, "RolledBack", "slack");
    expect(JSON.parse(body)).toEqual({
      text: "RolledBack: FlinkSessionJob team/job (ROLLING_BACK -&gt; ROLLED_BACK)\n&lt;!channel&gt; a &amp; b",
    });
  });
});
