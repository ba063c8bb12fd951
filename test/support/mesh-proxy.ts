/**
 * The network between two nodes, in one direction of dialling: a TCP proxy that can be cut, slow, or one-way.
 *
 * Promises: it listens only while its target does, so that whoever dials a dead node is refused as by its own machine;
 * what a cut holds back arrives on healing, late and in order, or the connection is reset, as the test says.
 * Leaves to others: which links make a partition (`process-cluster.ts`).
 *
 *     dialler ──forward──> proxy ──> target
 *             <─backward──       <──
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../runtime/base/clock.ts';
import { ProxyPipe, type Weather } from './mesh-proxy-pipe.ts';

export type Direction = 'forward' | 'backward';
/** What becomes of what was held back. */
export type Healing = 'deliver' | 'reset';

export interface MeshProxyOptions {
  /** Left out: a free one. */
  readonly port?: number;
  readonly targetPort: number;
  readonly clock?: Clock;
}

/** How often a target that was dead is looked at. */
const lookMs = 30;

interface Connection {
  readonly client: Socket;
  /** Null while the link is cut: no greeting of TCP comes through either. */
  target: Socket | null;
  forward: ProxyPipe | null;
  backward: ProxyPipe | null;
}

export class MeshProxy {
  readonly #targetPort: number;
  readonly #clock: Clock;
  readonly #weather: Readonly<Record<Direction, Weather>> = {
    forward: { isHeld: false, delayMs: 0 },
    backward: { isHeld: false, delayMs: 0 },
  };
  readonly #connections = new Set<Connection>();
  #port: number;
  #server: Server | null = null;
  #isClosed = false;
  /** One watch at a time: a newer one ends the older. */
  #watch = 0;

  private constructor({ port = 0, targetPort, clock = systemClock }: MeshProxyOptions) {
    this.#port = port;
    this.#targetPort = targetPort;
    this.#clock = clock;
  }

  /** Listens at once when the target does; else as soon as it does. */
  static async start(options: MeshProxyOptions): Promise<MeshProxy> {
    const proxy = new MeshProxy(options);
    await proxy.#listen();
    if (!(await proxy.#isTargetThere())) {
      proxy.targetDies();
      proxy.targetLives();
    }
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  get isListening(): boolean {
    return this.#server !== null;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Nothing passes in this direction, not even the end of a connection. */
  hold(...directions: readonly Direction[]): void {
    for (const direction of directions) this.#weather[direction].isHeld = true;
    this.#pumpAll();
  }

  delay(delayMs: number, ...directions: readonly Direction[]): void {
    for (const direction of directions) this.#weather[direction].delayMs = delayMs;
  }

  heal(how: Healing = 'deliver'): void {
    for (const weather of Object.values(this.#weather)) Object.assign(weather, { isHeld: false, delayMs: 0 });
    if (how === 'reset') this.#resetAll();
    for (const { forward, backward } of this.#connections) {
      forward?.hurry();
      backward?.hurry();
    }
    this.#pumpAll();
  }

  /** To be said just before the target is killed: whoever dials from now on is refused. */
  targetDies(): void {
    this.#watch++;
    this.#server?.close();
    this.#server = null;
    // Nobody has spoken to the target on these.
    for (const { client, target } of this.#connections) if (target === null) client.resetAndDestroy();
  }

  /** The target was started: listens as soon as it does. */
  targetLives(): void {
    if (this.#server !== null || this.#isClosed) return;
    const watch = ++this.#watch;
    const look = async (): Promise<void> => {
      const isThere = await this.#isTargetThere();
      if (watch !== this.#watch) return;
      if (isThere) await this.#listen();
      else this.#clock.after(lookMs, () => void look());
    };
    void look();
  }

  close(): void {
    this.#isClosed = true;
    this.targetDies();
    this.#resetAll();
  }

  #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) =>
      this.#accept(client),
    );
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: this.#port, host: '127.0.0.1' }, () => {
        const address = server.address();
        if (address !== null && typeof address === 'object') this.#port = address.port;
        resolve();
      });
    });
  }

  #isTargetThere(): Promise<boolean> {
    return new Promise((resolve) => {
      const probe = connect({ port: this.#targetPort, host: '127.0.0.1' });
      probe.once('connect', () => {
        probe.destroy();
        resolve(true);
      });
      // Refused: that is the answer.
      probe.once('error', () => resolve(false));
    });
  }

  #accept(client: Socket): void {
    const connection: Connection = { client, target: null, forward: null, backward: null };
    this.#connections.add(connection);
    // The close that follows is what counts.
    client.on('error', () => undefined);
    client.once('close', () => {
      if (connection.target?.destroyed !== false) this.#connections.delete(connection);
    });
    if (!this.#isCut()) this.#join(connection);
  }

  /** Connects to the target and lets bytes pass. */
  #join(connection: Connection): void {
    const { client } = connection;
    const target = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    connection.target = target;
    target.once('connect', () => {
      if (client.destroyed) return void target.destroy();
      connection.forward = new ProxyPipe(client, target, this.#weather.forward, this.#clock);
      connection.backward = new ProxyPipe(target, client, this.#weather.backward, this.#clock);
      connection.forward.pump();
      connection.backward.pump();
    });
    target.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNREFUSED') return;
      // It died without our being told.
      client.resetAndDestroy();
      if (this.#server === null) return;
      this.targetDies();
      this.targetLives();
    });
    target.once('close', () => {
      // A connection that never stood has no pipe that would say so.
      if (connection.backward === null) client.resetAndDestroy();
      if (client.destroyed) this.#connections.delete(connection);
    });
  }

  #isCut(): boolean {
    return this.#weather.forward.isHeld || this.#weather.backward.isHeld;
  }

  #pumpAll(): void {
    for (const connection of this.#connections) {
      connection.forward?.pump();
      connection.backward?.pump();
      if (connection.target === null && !connection.client.destroyed && !this.#isCut()) this.#join(connection);
    }
  }

  #resetAll(): void {
    for (const { client, target } of this.#connections) {
      client.resetAndDestroy();
      target?.resetAndDestroy();
    }
    this.#connections.clear();
  }
}
