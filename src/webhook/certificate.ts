/**
 * Makes X.509 certificates: authorities, and what they sign for servers. Node reads certificates and cannot make them; the
 * encoding is a library's, keys and signatures are Node's.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_kp_serverAuth,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";

/** Both as PEM. */
export interface CertificateAndKey {
  readonly certificate: string;
  readonly key: string;
}

const COMMON_NAME = "2.5.4.3";
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";

interface Contents {
  readonly subject: string;
  readonly issuer: string;
  /** Epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: Buffer;
  readonly extensions: Extension[];
}

function nameOf(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })])]);
}

function extension(extnID: string, critical: boolean, value: object): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

/** Positive, and never the same twice. */
function serialNumber(): ArrayBuffer {
  const bytes = new Uint8Array(randomBytes(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.buffer;
}

function signed(
  { subject, issuer, notBefore, notAfter, publicKey, extensions }: Contents,
  key: string,
): string {
  const algorithm = new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: algorithm,
    issuer: nameOf(issuer),
    validity: new Validity({ notBefore: new Date(notBefore), notAfter: new Date(notAfter) }),
    subject: nameOf(subject),
    subjectPublicKeyInfo: AsnConvert.parse(publicKey, SubjectPublicKeyInfo),
    extensions: new Extensions(extensions),
  });
  const signature = sign(
    "sha256",
    new Uint8Array(AsnConvert.serialize(tbsCertificate)),
    createPrivateKey(key),
  );
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: new Uint8Array(signature).buffer,
  });
  return new X509Certificate(Buffer.from(AsnConvert.serialize(certificate))).toString();
}

function newKey(): { readonly key: string; readonly publicKey: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKey: publicKey.export({ type: "spki", format: "der" }),
  };
}

export interface Lifetime {
  /** Epoch milliseconds. */
  readonly from: number;
  /** Milliseconds. */
  readonly lasts: number;
}

/** Clocks of servers differ by so much, in milliseconds, that a new certificate is valid for all of them. */
const SKEW_MS = 300_000;

const span = ({ from, lasts }: Lifetime): Pick<Contents, "notBefore" | "notAfter"> => ({
  notBefore: from - SKEW_MS,
  notAfter: from + lasts,
});

/** `name` tells one authority from the next. */
export function makeAuthority(name: string, lifetime: Lifetime): CertificateAndKey {
  const { key, publicKey } = newKey();
  const usage = new KeyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign);
  const extensions = [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    extension(id_ce_keyUsage, true, usage),
  ];
  const contents = { subject: name, issuer: name, ...span(lifetime), publicKey, extensions };
  return { certificate: signed(contents, key), key };
}

/** For a server of these DNS names. */
export function issue(
  authority: CertificateAndKey,
  dnsNames: readonly string[],
  lifetime: Lifetime,
): CertificateAndKey {
  const { key, publicKey } = newKey();
  const issuer = /^CN=(.*)$/m.exec(new X509Certificate(authority.certificate).subject)?.[1] ?? "";
  const names = new SubjectAlternativeName(dnsNames.map((dNSName) => new GeneralName({ dNSName })));
  const extensions = [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: false })),
    extension(id_ce_keyUsage, true, new KeyUsage(KeyUsageFlags.digitalSignature)),
    extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([id_kp_serverAuth])),
    extension(id_ce_subjectAltName, false, names),
  ];
  const subject = (dnsNames[0] ?? "").slice(0, 64);
  const contents = { subject, issuer, ...span(lifetime), publicKey, extensions };
  return { certificate: signed(contents, authority.key), key };
}
