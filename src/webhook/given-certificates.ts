/** Certificates that somebody else makes, such as cert-manager: files of a mounted Secret, read again when they change. */
import { join } from "node:path";
import { pause, systemClock } from "../kube/clock.ts";
import { RereadingFile } from "../kube/rereading-file.ts";
import type { Logger } from "../telemetry/log.ts";
import type { CertificateAndKey } from "./certificate.ts";
import { isPair } from "./rotation.ts";

export interface GivenCertificatesOptions {
  /** Holds `tls.crt` and `tls.key`. */
  readonly folder: string;
  /** Milliseconds between two looks. */
  readonly interval: number;
  readonly log: Logger;
  readonly use: (serving: CertificateAndKey) => void;
}

export class GivenCertificates {
  readonly #options: GivenCertificatesOptions;
  readonly #certificate: RereadingFile;
  readonly #key: RereadingFile;
  #problem: string | undefined = "certificates not looked at yet";

  constructor(options: GivenCertificatesOptions) {
    this.#options = options;
    this.#certificate = new RereadingFile(join(options.folder, "tls.crt"), 0);
    this.#key = new RereadingFile(join(options.folder, "tls.key"), 0);
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      await pause(systemClock, this.#options.interval, signal);
    }
  }

  /** What cannot be read, or does not belong together, leaves the last good one in force. */
  async look(): Promise<void> {
    const { folder, log, use } = this.#options;
    try {
      const [certificate, key] = await Promise.all([this.#certificate.read(), this.#key.read()]);
      if (!isPair({ certificate, key }))
        throw new Error(`tls.crt and tls.key in ${folder} do not belong together`);
      use({ certificate, key });
      this.#problem = undefined;
    } catch (error) {
      const problem = String(error);
      if (problem !== this.#problem) log.warn({ problem }, "certificates cannot be read, trying again");
      this.#problem = problem;
    }
  }
}
