import { readFile, stat } from "node:fs/promises";

/**
 * A small file that somebody else replaces: a projected token, a CA bundle. Looked at again when the last look is
 * older than `maxAgeMs`; read again when it has changed.
 */
export class RereadingFile {
  readonly path: string;
  readonly #maxAgeMs: number;
  #content: string | undefined;
  #version = "";
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(path: string, maxAgeMs = 10_000) {
    this.path = path;
    this.#maxAgeMs = maxAgeMs;
  }

  /** @throws the file system's error only while there is nothing to fall back to. */
  async read(): Promise<string> {
    const now = performance.now();
    if (this.#content !== undefined && now - this.#lookedAt < this.#maxAgeMs) return this.#content;
    try {
      const { mtimeMs, size, ino } = await stat(this.path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (this.#content === undefined || version !== this.#version) {
        const content = await readFile(this.path, "utf8");
        // Half-written: keep what worked and look again next time.
        if (content.trim() === "" && this.#content !== undefined) return this.#content;
        this.#content = content;
        this.#version = version;
      }
      this.#lookedAt = now;
    } catch (error) {
      if (this.#content === undefined) throw error;
    }
    return this.#content;
  }

  /** Look at the file again at the next read. */
  forget(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY;
    this.#version = "";
  }
}
