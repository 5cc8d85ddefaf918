import { expect, test } from "vitest";
import { withoutCredentials } from "./credentials.ts";

test.each([
  ["s3://KEY:SECRET@bucket/path", "s3://***@bucket/path"],
  ["file:///a/b@c", "file:///a/b@c"],
  ["https://token@host/x and http://u:p@other", "https://***@host/x and http://***@other"],
  ["jdbc:mysql://db/x?useSSL=true&password=S;user=u", "jdbc:mysql://db/x?useSSL=true&password=***;user=u"],
  ["(https://b/x?X-Amz-Signature=S&sig=T)", "(https://b/x?X-Amz-Signature=***&sig=***)"],
  ["?tokens=2&keyspace=a", "?tokens=2&keyspace=a"],
])("%s is shown as %s", (text, expected) => {
  expect(withoutCredentials(text)).toBe(expected);
  expect(withoutCredentials(expected)).toBe(expected);
});
