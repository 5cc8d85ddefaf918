/** Where an API server is and how to be let in: what the transport needs to know, however it was found out. */

export interface TlsMaterial {
  /** PEM; undefined: the system's authorities. */
  readonly ca: string | undefined;
  /** PEM. */
  readonly cert: string | undefined;
  /** PEM. */
  readonly key: string | undefined;
  /** The name that the server's certificate must bear, where it is not the address. */
  readonly servername: string | undefined;
  readonly rejectUnauthorized: boolean;
}

/** A list is sent as a header of its own for each value. */
export type Headers = Readonly<Record<string, string | string[]>>;

export interface ClusterAccess {
  /** The API server's URL, perhaps with a path prefix. */
  readonly server: string;
  /** The namespace to use where none is given. */
  readonly namespace: string;
  /** For messages: which context of which file, or the pod's service account. */
  readonly description: string;
  /** An HTTP proxy to go through. */
  readonly proxyUrl: string | undefined;
  /** Headers that authenticate, for one request. Asked each time, since tokens rotate. */
  headers(): Promise<Headers>;
  /** For one new connection. Asked each time, since certificates rotate. */
  tls(): Promise<TlsMaterial>;
  /** The server refused the credentials (401): fetch new ones next time. */
  refresh(): void;
}
