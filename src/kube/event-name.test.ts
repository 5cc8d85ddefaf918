import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutToBytes, eventName, javaHash } from "./event-name.ts";

describe("javaHash", () => {
  test.each([
    ["", 0],
    ["a", 97],
    ["hello", 99_162_322],
    ["polygenelubricants", -2_147_483_648],
    ["FlinkDeployment", 598_090_789],
    ["\u{1F600}", 1_772_899],
  ])("%j is %i, as in Java", (text, expected) => expect(javaHash(text)).toBe(expected));
});

describe("eventName", () => {
  const target = { kind: "FlinkDeployment", metadata: { name: "basic", uid: "u1" } };
  const event = { component: "Job", type: "Warning", reason: "Missing", message: "gone" };

  test("the hash is of reason, message, type, kind, name and uid", () => {
    // From Java, of "MissinggoneWarningFlinkDeploymentbasicu1".
    expect(eventName(event, target)).toBe("Job.1015441660");
  });

  test("a key takes the message's place", () => {
    const one = eventName({ ...event, key: "k" }, target);
    expect(eventName({ ...event, key: "k", message: "other" }, target)).toBe(one);
    expect(eventName({ ...event, message: "k" }, target)).toBe(one);
  });

  test("the number is never negative", () => {
    fc.assert(
      fc.property(fc.string(), (message) => {
        expect(eventName({ ...event, message }, target)).toMatch(/^Job\.\d+$/);
      }),
    );
  });
});

describe("cutToBytes", () => {
  test("a text that fits stays", () => expect(cutToBytes("ä", 2)).toBe("ä"));

  test("a longer one is cut between characters", () => expect(cutToBytes("ääää", 6)).toBe("ä…"));

  test("the result fits and begins the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 50 }),
        fc.integer({ min: 3, max: 60 }),
        (text, bytes) => {
          const cut = cutToBytes(text, bytes);
          expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytes);
          expect(text.startsWith(cut.replace(/…$/, ""))).toBe(true);
          expect(cut).not.toContain("\uFFFD");
        },
      ),
    );
  });
});
