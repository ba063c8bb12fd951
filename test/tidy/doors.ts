/**
 * The doors by which time, chance and I/O come into the program, and the few files that stand at them (style, rule 1).
 *
 * Leaves to others: finding who goes another way (`banned-calls.ts`).
 */

export type Door = 'time' | 'chance' | 'files' | 'network' | 'processes' | 'threads';

export interface DoorFacts {
  /** What to use instead, in the words of a cure. */
  readonly instead: string;
  /** Node's modules behind the door. An import of types only is free. */
  readonly modules: readonly string[];
  /** Global names, and `a.b` members of globals. */
  readonly calls: readonly string[];
}

export const doors: Readonly<Record<Door, DoorFacts>> = {
  time: {
    instead: 'the `Clock` that is handed in (runtime/base/clock.ts)',
    modules: ['timers', 'timers/promises', 'perf_hooks'],
    calls: [
      ...['setTimeout', 'setInterval', 'setImmediate'],
      ...['Date.now', 'new Date', 'performance.now', 'performance.timeOrigin'],
      ...['process.hrtime', 'process.uptime', 'AbortSignal.timeout'],
    ],
  },
  chance: {
    instead: 'the `Random` that is handed in (runtime/base/random.ts)',
    modules: [],
    calls: ['Math.random', 'crypto.randomUUID', 'crypto.getRandomValues'],
  },
  files: {
    instead: 'the `Store` (runtime/store/store.ts) or what runtime/config reads',
    modules: ['fs', 'fs/promises', 'sqlite'],
    calls: [],
  },
  network: {
    instead: 'an edge, the courier or the mesh, whichever the peer is',
    modules: ['net', 'tls', 'http', 'https', 'http2', 'dgram', 'dns', 'dns/promises'],
    calls: ['fetch', 'WebSocket'],
  },
  processes: { instead: 'nothing: a node is one process', modules: ['child_process', 'cluster'], calls: [] },
  threads: { instead: 'runtime/threads', modules: ['worker_threads'], calls: [] },
};

/** What these modules have that only computes: free for all. Of `node:crypto` only chance is behind a door. */
export const pureNames: Readonly<Record<string, readonly string[]>> = {
  net: ['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress'],
  http: ['STATUS_CODES', 'METHODS'],
};

export const chanceOfCrypto = ['randomBytes', 'randomUUID', 'randomInt', 'randomFill', 'randomFillSync', '*'];

export interface Allowance {
  /** A file, or a folder with a closing `/`. */
  readonly place: string;
  readonly doors: readonly Door[];
  readonly because: string;
}

/** Who may use a door itself. Every row must be needed: one that nobody uses is a finding too. */
export const allowances: readonly Allowance[] = [
  { place: 'runtime/base/clock.ts', doors: ['time'], because: 'it is the clock' },
  { place: 'runtime/base/random.ts', doors: ['chance'], because: 'it is the source of chance' },
  {
    place: 'runtime/store/data-directory.ts',
    doors: ['files'],
    because: 'it makes and checks the directory of the data',
  },
  { place: 'runtime/store/journal-file.ts', doors: ['files'], because: 'it writes the journal' },
  { place: 'runtime/store/directory-lock.ts', doors: ['files'], because: 'it keeps a second process out of the data' },
  {
    place: 'runtime/store/lmdb-store.ts',
    doors: ['files'],
    because: 'it is the disk, and asks how much of it is free',
  },
  {
    place: 'runtime/store/data-file.ts',
    doors: ['files'],
    because: 'a foreign data file would crash lmdb: it looks first',
  },
  { place: 'runtime/config/load.ts', doors: ['files'], because: 'it reads the configuration file' },
  {
    place: 'runtime/config/node-file.ts',
    doors: ['files'],
    because: 'it keeps what a node was given when it was made',
  },
  {
    place: 'runtime/config/first-settings.ts',
    doors: ['files'],
    because: 'it keeps what a cluster was given when it was made, until its first start',
  },
  {
    place: 'cluster/cli/pending-tokens.ts',
    doors: ['files'],
    because: 'it keeps tokens for a node that does not run',
  },
  {
    place: 'cluster/try/programs.ts',
    doors: ['files', 'processes'],
    because: 'it runs nodes and commands as an operator does, and is no part of a node',
  },
  {
    place: 'runtime/lifecycle/certificate-files.ts',
    doors: ['files'],
    because: 'it reads the certificate and its key, and writes the one that was made here',
  },
  {
    place: 'runtime/observe/event-loop.ts',
    doors: ['time'],
    because: 'how late the real loop is, no handed-in clock can say',
  },
  {
    place: 'runtime/node/listening.ts',
    doors: ['network'],
    because: 'it sees whether the configured addresses are free',
  },
  { place: 'runtime/main.ts', doors: ['files'], because: 'it reads the version out of package.json' },
  {
    place: 'actors/admin/mail-files/',
    doors: ['files'],
    because: 'it reads and writes the mail files that a user named, in the process of the command line',
  },
  {
    place: 'actors/admin/dns-lookup.ts',
    doors: ['network'],
    because: 'it looks up what an operator has put into the DNS',
  },
  {
    place: 'actors/courier/open-session.ts',
    doors: ['network'],
    because: 'it connects to the servers of other domains',
  },
  { place: 'actors/courier/resolver.ts', doors: ['network'], because: 'it asks the DNS' },
  { place: 'actors/edge/http/http-edge.ts', doors: ['network'], because: 'it is the HTTP server, with TLS of its own' },
  {
    place: 'actors/edge/http/private-socket.ts',
    doors: ['files', 'network'],
    because: 'it makes the socket of the admin API and sees whether another node answers there',
  },
  {
    place: 'cluster/identity/identity-files.ts',
    doors: ['files'],
    because: "it reads and writes the node's key, its certificates and where the others were last",
  },
  {
    place: 'cluster/identity/join-call.ts',
    doors: ['network'],
    because: 'it calls a member from a machine that is in no cluster yet',
  },
  { place: 'cluster/mesh/door.ts', doors: ['network'], because: 'it listens for other nodes, and for those that join' },
  { place: 'cluster/mesh/probe.ts', doors: ['network'], because: 'it sees whether somebody listens' },
  { place: 'cluster/mesh/tls.ts', doors: ['network'], because: 'it says which certificates a link takes' },
  { place: 'runtime/cli/lines.ts', doors: ['files'], because: 'it reads the file that a user named' },
  { place: 'runtime/cli/admin-client.ts', doors: ['network'], because: "it speaks to a node's admin API" },
  { place: 'runtime/threads/', doors: ['threads'], because: 'it makes the threads and the ports between them' },
  { place: 'bin/ringpost.mjs', doors: ['files', 'processes'], because: 'it hands over to the Node that came along' },
];
