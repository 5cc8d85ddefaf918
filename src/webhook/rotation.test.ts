import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { bundleOf, endOf, fromSecret, type Kept, rotated, ROTATION, toSecret } from "./rotation.ts";

const DAY = 86_400_000;
const NOW = Date.parse("2026-03-01T00:00:00Z");
const options = { ...ROTATION, dnsNames: ["sluice-webhook.sluice-system.svc"] };

const next = (kept: Kept | undefined, days: number, isTold = true): Kept =>
  rotated(kept, isTold, NOW + days * DAY, options);

/** Whether somebody who trusts the bundle takes the certificate. */
function isTrusted(serving: string, bundle: string): boolean {
  const certificate = new X509Certificate(serving);
  const blocks = bundle.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/g) ?? [];
  return blocks.some((one) => certificate.verify(new X509Certificate(one).publicKey));
}

test("a first certificate is for the name that the API server calls, and lasts", () => {
  const kept = next(undefined, 0);
  const certificate = new X509Certificate(kept.serving.certificate);
  expect(certificate.checkHost("sluice-webhook.sluice-system.svc")).toBeDefined();
  expect(certificate.checkHost("example.org")).toBeUndefined();
  expect(endOf(kept.serving.certificate)).toBe(NOW + 90 * DAY);
  expect(Date.parse(certificate.validFrom)).toBeLessThan(NOW);
  expect(next(kept, 1)).toBe(kept);
});

test("the server's certificate is replaced in time, by the same authority", () => {
  const kept = next(undefined, 0);
  expect(next(kept, 59)).toBe(kept);
  const renewed = next(kept, 61);
  expect(renewed.authority).toBe(kept.authority);
  expect(endOf(renewed.serving.certificate)).toBe(NOW + (61 + 90) * DAY);
});

test("and at once when its name is another", () => {
  const kept = next(undefined, 0);
  const renamed = rotated(kept, true, NOW, { ...options, dnsNames: ["other.svc"] });
  expect(new X509Certificate(renamed.serving.certificate).checkHost("other.svc")).toBeDefined();
  expect(renamed.authority).toBe(kept.authority);
});

test("an authority signs only when it has been trusted for a while, and no certificate is ever untrusted", () => {
  let kept = next(undefined, 0);
  /** What the API server has been told, and what replicas still serve that have not looked since. */
  let told = bundleOf(kept);
  let served = kept.serving.certificate;
  const signers = new Set<string>();
  for (let day = 0; day < 3 * 365; day += 2) {
    const now = next(kept, day, told === bundleOf(kept));
    // Between two looks of a replica any combination is there.
    for (const serving of [served, now.serving.certificate])
      for (const bundle of [told, bundleOf(now)]) expect(isTrusted(serving, bundle)).toBe(true);
    expect(endOf(now.serving.certificate)).toBeGreaterThan(NOW + day * DAY + 7 * DAY);
    // The API server hears of it hours later.
    if (day % 4 === 0) told = bundleOf(now);
    served = now.serving.certificate;
    kept = now;
    signers.add(new X509Certificate(kept.serving.certificate).issuer);
  }
  expect(signers.size).toBeGreaterThan(3);
});

test("an authority of which the API server is not told never signs", () => {
  let kept = next(undefined, 0);
  const { certificate } = kept.authority;
  for (let day = 0; day < 360; day += 5) kept = next(kept, day, false);
  expect(kept.next).toBeDefined();
  expect(kept.authority.certificate).toBe(certificate);
  expect(next(kept, 360, true).authority.certificate).not.toBe(certificate);
});

test("everything is made anew after a long time off", () => {
  const kept = next(undefined, 0);
  const anew = next(kept, 1000);
  expect(anew.retired).toEqual([]);
  expect(isTrusted(anew.serving.certificate, bundleOf(anew))).toBe(true);
});

test("what a Secret keeps comes back, and what is damaged is made anew", () => {
  let kept = next(undefined, 0);
  expect(fromSecret(toSecret(kept))).toEqual(kept);
  for (let day = 0; day < 300; day += 1) kept = next(kept, day);
  expect(kept.retired).toHaveLength(1);
  expect(fromSecret(toSecret(kept))).toEqual(kept);
  const { "tls.key": _, ...incomplete } = toSecret(kept);
  expect(fromSecret(incomplete)).toBeUndefined();
  expect(fromSecret(undefined)).toBeUndefined();
  expect(fromSecret({ ...toSecret(kept), "ca.crt": "!" })).toBeUndefined();
  const other = toSecret(next(undefined, 0));
  expect(fromSecret({ ...toSecret(kept), "tls.key": other["tls.key"] ?? "" })).toBeUndefined();
});
