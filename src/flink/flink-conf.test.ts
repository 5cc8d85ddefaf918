import { expect, test } from "vitest";
import { parseFlinkConf } from "./flink-conf.ts";

test("lines of flink-conf.yaml", () => {
  const text = [
    "# a comment",
    "taskmanager.numberOfTaskSlots: 2",
    "env.java.opts.all: -Da=b: -Dc=[d   ",
    "s3.endpoint: http://s3:9000 # in the cluster",
    "  parallelism.default: 4\r",
    "no value:",
    "no colon",
    "",
    "parallelism.default: 8",
  ].join("\n");
  expect(parseFlinkConf(text)).toEqual({
    "taskmanager.numberOfTaskSlots": "2",
    "env.java.opts.all": "-Da=b: -Dc=[d",
    "s3.endpoint": "http://s3:9000",
    "parallelism.default": "8",
  });
});
