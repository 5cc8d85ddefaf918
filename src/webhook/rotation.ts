/**
 * When certificates are made anew, so that there is always one that the API server trusts. Pure but for new keys.
 *
 * The server's certificate is replaced by one of the same authority when two thirds of its life are over. An authority is
 * replaced in two steps: the next one is made and trusted beside it; it signs when the API server has been told of it for
 * a while. The one before stays trusted until its end.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { type CertificateAndKey, issue, makeAuthority } from "./certificate.ts";

export interface Kept {
  readonly authority: CertificateAndKey;
  /** Trusted, and to sign later. */
  readonly next?: CertificateAndKey | undefined;
  readonly serving: CertificateAndKey;
  /** Certificates of authorities that sign no more, as PEM. */
  readonly retired: readonly string[];
}

export interface RotationOptions {
  /** What the API server calls. */
  readonly dnsNames: readonly string[];
  /** Milliseconds. */
  readonly authorityLasts: number;
  readonly servingLasts: number;
  /** Milliseconds between telling the API server of an authority and its first signature. */
  readonly settles: number;
}

const DAY_MS = 86_400_000;

export const ROTATION = { authorityLasts: 365 * DAY_MS, servingLasts: 90 * DAY_MS, settles: 3_600_000 };

/** Of these authorities one has signed: what `caBundle` has to hold. */
export function bundleOf({ authority, next, retired }: Kept): string {
  const certificates = [authority.certificate, next?.certificate, ...retired];
  return certificates.filter((one) => one !== undefined).join("");
}

/** Epoch milliseconds. */
export function endOf(certificate: string): number {
  return Date.parse(new X509Certificate(certificate).validTo);
}

function beginOf(certificate: string): number {
  return Date.parse(new X509Certificate(certificate).validFrom);
}

function isWornOut(certificate: string, lasts: number, now: number): boolean {
  return endOf(certificate) - now < lasts / 3;
}

function isServable({ authority, serving }: Kept, dnsNames: readonly string[]): boolean {
  const certificate = new X509Certificate(serving.certificate);
  const isSigned = certificate.verify(new X509Certificate(authority.certificate).publicKey);
  return isSigned && dnsNames.every((name) => certificate.checkHost(name) !== undefined);
}

function newServing(authority: CertificateAndKey, now: number, options: RotationOptions): CertificateAndKey {
  const lasts = Math.min(options.servingLasts, endOf(authority.certificate) - now);
  return issue(authority, options.dnsNames, { from: now, lasts });
}

function newAuthority(now: number, { authorityLasts }: RotationOptions): CertificateAndKey {
  return makeAuthority(`sluice-webhook-${now}`, { from: now, lasts: authorityLasts });
}

/**
 * What to keep from now on; the same object when nothing has to change. `isTold`: every webhook configuration trusts all
 * that is kept now.
 */
export function rotated(
  kept: Kept | undefined,
  isTold: boolean,
  now: number,
  options: RotationOptions,
): Kept {
  if (kept === undefined || endOf(kept.authority.certificate) <= now) {
    const authority = newAuthority(now, options);
    return { authority, serving: newServing(authority, now, options), retired: [] };
  }
  const { authority, next, serving } = kept;
  const retired = kept.retired.filter((one) => endOf(one) > now);
  if (next !== undefined && isTold && now - beginOf(next.certificate) >= options.settles) {
    const before = [...retired, authority.certificate];
    return { authority: next, serving: newServing(next, now, options), retired: before };
  }
  if (next === undefined && isWornOut(authority.certificate, options.authorityLasts, now))
    return { ...kept, next: newAuthority(now, options), retired };
  if (isWornOut(serving.certificate, options.servingLasts, now) || !isServable(kept, options.dnsNames))
    return { ...kept, serving: newServing(authority, now, options), retired };
  return retired.length === kept.retired.length ? kept : { ...kept, retired };
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?/g;

/** The values of a Secret, base64. */
export type SecretData = Readonly<Record<string, string>>;

const encoded = (text: string): string => Buffer.from(text).toString("base64");
const decoded = (text: string | undefined): string => Buffer.from(text ?? "", "base64").toString();

export function toSecret(kept: Kept): SecretData {
  const { authority, next, serving } = kept;
  const data: Record<string, string> = {
    "ca.crt": bundleOf(kept),
    "ca.key": authority.key,
    "tls.crt": serving.certificate,
    "tls.key": serving.key,
    ...(next === undefined ? {} : { "next-ca.crt": next.certificate, "next-ca.key": next.key }),
  };
  return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, encoded(text)]));
}

/** Undefined for what is not all there, or cannot be read: it is made anew then. */
export function fromSecret(data: SecretData | undefined): Kept | undefined {
  const text = (name: string): string => decoded(data?.[name]);
  const trusted = text("ca.crt").match(BLOCK) ?? [];
  const nextCertificate = text("next-ca.crt");
  const next =
    nextCertificate === "" ? undefined : { certificate: nextCertificate, key: text("next-ca.key") };
  const [first = "", ...others] = trusted;
  const kept: Kept = {
    authority: { certificate: first, key: text("ca.key") },
    next,
    serving: { certificate: text("tls.crt"), key: text("tls.key") },
    retired: others.filter((one) => one !== nextCertificate),
  };
  return isReadable(kept) ? kept : undefined;
}

/** Whether the key is the certificate's; false also for what is neither. */
export function isPair({ certificate, key }: CertificateAndKey): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function isReadable({ authority, next, serving, retired }: Kept): boolean {
  const areWhole = [authority, serving, ...(next === undefined ? [] : [next])].every(isPair);
  try {
    for (const one of retired) endOf(one);
    return areWhole;
  } catch {
    return false;
  }
}
