/**
 * A scripted group for transcripts: every msg, fsync and event happens when the script says so, and is written down.
 *
 * Msgs wait in one queue per direction. A cut link swallows them. Fsync follows each command at once, but of a node
 * that `hold`s its disk.
 */
import { logIndex, type NodeId, nodeId, term as makeTerm } from '../../../runtime/base/ids.ts';
import type {
  Configuration,
  Effects,
  Outgoing,
  RaftEvent,
  RaftMessage,
  Settings,
} from '../../../cluster/raft/protocol.ts';
import { type Disk, emptyDisk, SimpleHost } from './simple-host.ts';
import { configurationText, effectsLines, messageText, placeText } from './transcript-text.ts';

const settings: Settings = { windowBytesMax: 100, appendBytesMax: 40, retryMs: 100, transferMsMax: 1000 };

export class TranscriptWorld {
  readonly hosts = new Map<NodeId, SimpleHost>();
  readonly #queues = new Map<string, { outgoing: Outgoing; from: NodeId }[]>();
  readonly #cut = new Set<string>();
  readonly #holding = new Set<NodeId>();
  /** Nodes that hear a leader: what they are told with each msg. */
  readonly #hearing = new Set<NodeId>();
  readonly #configuration: { now: Configuration } = { now: { voters: [], learners: [], witness: null } };
  #lines: string[] = [];
  #nowMs = 0;

  /** Runs one command; what happened, as lines. */
  run(command: string): string {
    this.#lines = [];
    const [verb = '', ...words] = command.split(/\s+/);
    const act = this.#verbs[verb];
    if (act === undefined) throw new Error(`unknown command: ${command}`);
    act(words);
    if (verb !== 'deliver' || !words.includes('unsynced')) this.#flushFree();
    return this.#lines.length === 0 ? '(nothing)' : this.#lines.join('\n');
  }

  readonly #verbs: Readonly<Record<string, (words: readonly string[]) => void>> = {
    voters: (words) => this.#start(words),
    learners: (words) => this.#add(words),
    disk: ([node, ...facts]) => this.#restore(this.#host(node), facts),
    campaign: ([node]) => this.#step(node, { kind: 'campaign' }),
    propose: ([node, ...payloads]) =>
      this.#step(node, { kind: 'propose', entries: payloads.map((payload) => ({ bytes: 10, payload })) }),
    read: ([node, token]) => this.#step(node, { kind: 'read', token: Number(token) }),
    change: ([node, kind, target, witness]) => {
      const change =
        kind === 'promote'
          ? ({ kind, node: nodeId(target!), isWitness: witness === 'witness' } as const)
          : ({ kind: kind as 'addLearner' | 'remove', node: nodeId(target!) } as const);
      this.#step(node, { kind: 'changeConfiguration', change });
    },
    transfer: ([node, to]) => this.#step(node, { kind: 'transfer', to: nodeId(to!) }),
    suspects: ([node, other]) => this.#step(node, { kind: 'alive', node: nodeId(other!), isAlive: false }),
    clears: ([node, other]) => this.#step(node, { kind: 'alive', node: nodeId(other!), isAlive: true }),
    claims: ([node, leader, term]) =>
      this.#step(node, { kind: 'claimed', leader: nodeId(leader!), term: makeTerm(Number(term)) }),
    reconnect: ([a, b]) => {
      this.#queues.delete(`${a} ${b}`);
      this.#queues.delete(`${b} ${a}`);
      this.#step(a, { kind: 'linkReset', node: nodeId(b!) });
      this.#step(b, { kind: 'linkReset', node: nodeId(a!) });
    },
    copied: ([node, to]) => this.#step(node, { kind: 'snapshotSent', to: nodeId(to!), isInstalled: true }),
    notCopied: ([node, to]) => this.#step(node, { kind: 'snapshotSent', to: nodeId(to!), isInstalled: false }),
    installed: ([node]) => this.#step(node, { kind: 'installed' }),
    compact: ([node, upTo]) => this.#step(node, { kind: 'compacted', upTo: logIndex(Number(upTo)) }),
    pass: ([ms]) => this.#pass(Number(ms)),
    hold: ([node]) => void this.#holding.add(nodeId(node!)),
    fsync: ([node]) => {
      this.#holding.delete(nodeId(node!));
    },
    restart: ([node]) => {
      this.#host(node).restart();
      this.#lines.push(this.#stateText(this.#host(node)));
    },
    hears: (nodes) => {
      this.#hearing.clear();
      for (const node of nodes) this.#hearing.add(nodeId(node));
    },
    cut: (nodes) => {
      for (const other of this.hosts.keys()) for (const node of nodes) this.#cutOff(node, other, nodes);
    },
    heal: () => this.#cut.clear(),
    deliver: ([from, to]) => this.#deliver(`${from} ${to}`),
    drop: ([from, to]) => {
      const dropped = this.#queues.get(`${from} ${to}`)?.shift();
      if (dropped === undefined) throw new Error('nothing to drop');
      this.#lines.push(`lost: ${from} -> ${to} ${messageText(dropped.outgoing.message)}`);
    },
    /** A msg that no one here sent: `inject n3 n2 vote 4 2/1`, `inject n3 n2 voteAnswer 4 2/1 yes`. */
    inject: ([from, to, kind, term, last, granted]) => {
      const [index = 0, lastTerm = 0] = (last ?? '0/0').split('/').map(Number);
      const place = { index: logIndex(index), term: makeTerm(lastTerm) };
      const rest = { last: place, isTransfer: false, isGranted: granted === 'yes', round: 1 };
      const message = { kind, term: makeTerm(Number(term)), ...rest } as RaftMessage;
      this.#step(to, { kind: 'message', from: nodeId(from!), message, hearsLeader: this.#hearing.has(nodeId(to!)) });
    },
    settle: () => this.#settle(true),
    quietly: () => this.#settle(false),
    state: (nodes) => {
      const hosts = nodes.length === 0 ? [...this.hosts.values()] : nodes.map((node) => this.#host(node));
      for (const host of hosts) this.#lines.push(this.#stateText(host));
    },
  };

  #start(words: readonly string[]): void {
    const witness = words.includes('witness') ? nodeId(words.at(-1)!) : null;
    const voters = words.slice(0, witness === null ? words.length : -2).map(nodeId);
    this.#configuration.now = { voters, learners: [], witness };
    for (const node of voters) this.#open(node, emptyDisk(this.#configuration.now));
    this.#lines.push(configurationText(this.#configuration.now));
  }

  /** Nodes that are there and know of nothing. */
  #add(nodes: readonly string[]): void {
    for (const node of nodes) this.#open(nodeId(node), emptyDisk({ voters: [], learners: [], witness: null }));
  }

  #open(node: NodeId, disk: Disk): void {
    const send = (outgoing: Outgoing): void => this.#queue(node, outgoing);
    this.hosts.set(node, new SimpleHost(node, disk, settings, send));
  }

  /** `disk n1 term=3 vote=n1 entries=1,1,2 committed=2 damaged=3 voters=n1,n2` */
  #restore(host: SimpleHost, facts: readonly string[]): void {
    const disk = emptyDisk(this.#configuration.now);
    for (const fact of facts) {
      const [key = '', value = ''] = fact.split('=');
      if (key === 'term') disk.hardState = { ...disk.hardState, term: makeTerm(Number(value)) };
      if (key === 'vote') disk.hardState = { ...disk.hardState, votedFor: nodeId(value) };
      if (key === 'committed') disk.committed = logIndex(Number(value));
      if (key === 'damaged') for (const index of value.split(',')) disk.damaged.add(Number(index));
      if (key !== 'entries') continue;
      disk.entries = value.split(',').map((term, place) => ({
        index: logIndex(place + 1),
        term: makeTerm(Number(term)),
        kind: 'data',
        bytes: 10,
        configuration: null,
        payload: `old${place + 1}/${term}`,
      }));
    }
    host.durable = disk;
    host.restart();
    this.#lines.push(this.#stateText(host));
  }

  #host(node: string | undefined): SimpleHost {
    const host = this.hosts.get(nodeId(node ?? ''));
    if (host === undefined) throw new Error(`no node ${node}`);
    return host;
  }

  #step(node: string | undefined, event: RaftEvent): void {
    const host = this.#host(node);
    const effects: Effects = host.handle(event, this.#nowMs);
    this.#lines.push(...effectsLines(host.id, effects));
  }

  #queue(from: NodeId, outgoing: Outgoing): void {
    const key = `${from} ${outgoing.to}`;
    if (this.#cut.has(key) || !this.hosts.has(outgoing.to)) return;
    const queue = this.#queues.get(key) ?? [];
    queue.push({ outgoing, from });
    this.#queues.set(key, queue);
  }

  #deliver(key: string): void {
    const next = this.#queues.get(key)?.shift();
    if (next === undefined) throw new Error(`nothing on the way: ${key}`);
    const { from, outgoing } = next;
    this.#lines.push(`${outgoing.to} gets from ${from}: ${messageText(outgoing.message)}`);
    const hearsLeader = this.#hearing.has(outgoing.to);
    this.#step(outgoing.to, { kind: 'message', from, message: outgoing.message, hearsLeader });
  }

  /** Delivers and syncs until nothing moves. */
  #settle(isTold: boolean): void {
    const told = this.#lines;
    for (let turn = 0; turn < 1000; turn++) {
      this.#flushFree();
      const key = [...this.#queues.keys()].toSorted().find((key) => this.#queues.get(key)!.length > 0);
      if (key === undefined) break;
      this.#deliver(key);
    }
    if (!isTold) this.#lines = told.slice(0, 0);
  }

  #flushFree(): void {
    for (const host of this.hosts.values()) {
      if (this.#holding.has(host.id)) continue;
      while (host.pending > 0) for (const event of host.flush()) this.#step(host.id, event);
    }
  }

  #pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.hosts.values()].filter(
        (host) => (host.group.wakeAtMs ?? Number.POSITIVE_INFINITY) <= untilMs,
      );
      const host = due.toSorted((a, b) => a.group.wakeAtMs! - b.group.wakeAtMs!)[0];
      if (host === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, host.group.wakeAtMs!);
      this.#step(host.id, { kind: 'time' });
    }
    this.#nowMs = untilMs;
  }

  #cutOff(node: string, other: NodeId, inside: readonly string[]): void {
    if (inside.includes(other)) return;
    for (const key of [`${node} ${other}`, `${other} ${node}`]) {
      this.#cut.add(key);
      this.#queues.delete(key);
    }
  }

  #stateText({ id, group, written }: SimpleHost): string {
    const entries = written.entries.map(({ index, term, kind, payload, configuration }) => {
      const what =
        kind === 'configuration' ? configurationText(configuration!) : kind === 'noop' ? 'noop' : String(payload);
      return `${index}/${term}:${written.damaged.has(index) ? 'lost' : what}`;
    });
    const parts = [
      `${id} ${group.role}${group.serves ? ', serves,' : ''} in term ${group.term}`,
      group.leader === null ? 'no leader' : `leader ${group.leader}`,
      configurationText(group.configuration),
      `committed ${group.committed}`,
      ...(group.isInstalling ? ['installing'] : []),
      ...(group.damagedFrom === null ? [] : [`damaged from ${group.damagedFrom}`]),
      `log ${placeText(group.base)} |${entries.map((entry) => ` ${entry}`).join('')}`,
    ];
    const followers = [...group.followers.values()].map(({ node, state, match }) => `${node} ${state} ${match}`);
    return [parts.join(', '), ...(followers.length === 0 ? [] : [`  followers: ${followers.join(', ')}`])].join('\n');
  }
}
