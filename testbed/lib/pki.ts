/** Certificates for one testbed, made by the openssl command. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./exec.ts";

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Subject {
  readonly user: string;
  readonly groups?: readonly string[];
  /** Subject alternative names in openssl's form: `DNS:localhost`, `IP:127.0.0.1`. Needed for servers. */
  readonly names?: readonly string[];
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"];

export class CertificateAuthority {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async create(dir: string): Promise<CertificateAuthority> {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const authority = new CertificateAuthority(dir);
    const { certificate, key } = authority.files("ca");
    const usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    await run("openssl", [
      "req",
      "-x509",
      ...newKey,
      "-subj",
      "/CN=sluice-testbed",
      ...usage,
      "-out",
      certificate,
      "-keyout",
      key,
    ]);
    return authority;
  }

  files(name: string): KeyPair {
    return { certificate: join(this.#dir, `${name}.crt`), key: join(this.#dir, `${name}.key`) };
  }

  get pem(): string {
    return readFileSync(this.files("ca").certificate, "utf8");
  }

  /** Issues a certificate that serves as client and, where names are given, as server. */
  async issue(name: string, { user, groups = [], names = [] }: Subject): Promise<KeyPair> {
    const ca = this.files("ca");
    const made = this.files(name);
    const subject = [...groups.map((group) => `/O=${group}`), `/CN=${user}`].join("");
    const extensions = [
      "basicConstraints=critical,CA:FALSE",
      "extendedKeyUsage=clientAuth,serverAuth",
      ...(names.length === 0 ? [] : [`subjectAltName=${names.join(",")}`]),
    ].flatMap((extension) => ["-addext", extension]);
    const signer = ["-CA", ca.certificate, "-CAkey", ca.key];
    const output = ["-out", made.certificate, "-keyout", made.key];
    await run("openssl", ["req", "-x509", ...signer, ...newKey, "-subj", subject, ...extensions, ...output]);
    return made;
  }

  /** The key pair that signs service account tokens. `certificate` holds the bare public key. */
  async signingKey(name: string): Promise<KeyPair> {
    const { key } = this.files(name);
    const certificate = join(this.#dir, `${name}.pub`);
    await run("openssl", [
      "genpkey",
      "-algorithm",
      "EC",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-out",
      key,
    ]);
    await run("openssl", ["pkey", "-in", key, "-pubout", "-out", certificate]);
    return { certificate, key };
  }
}
