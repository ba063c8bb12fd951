/** That each weather of the proxied link is what it says: the drill and the process tests rest on it. */
import { deepEqual, equal } from 'node:assert/strict';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { until } from '../../bench/measure/wait.ts';
import { FakeClock } from './fake-clock.ts';
import { MeshProxy, type MeshProxyOptions } from './mesh-proxy.ts';
import { loopTurns } from './smtp-until.ts';

const waitMsMax = 5_000;

/** One end of a connection, and what it has seen. */
class End {
  readonly socket: Socket;
  text = '';
  hasEnded = false;
  error = '';
  isOver = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    socket.on('end', () => {
      this.hasEnded = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message;
    });
    socket.on('close', () => {
      this.isOver = true;
    });
  }

  hears(text: string): Promise<number> {
    return until(`hears ${text}, has heard ${this.text}`, () => this.text.endsWith(text), waitMsMax);
  }
}

/** A target that keeps its ends, and a proxy before it. */
class Link {
  readonly ends: End[] = [];
  readonly dialled: End[] = [];
  proxy!: MeshProxy;
  #server: Server | null = null;
  #port = 0;

  static async open(t: TestContext, options: Partial<MeshProxyOptions> = {}): Promise<Link> {
    const link = new Link();
    await link.listen();
    link.proxy = await MeshProxy.start({ ...options, targetPort: link.#port });
    t.after(() => {
      link.proxy.close();
      for (const { socket } of [...link.ends, ...link.dialled]) socket.destroy();
      link.#server?.close();
    });
    return link;
  }

  listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => void this.ends.push(new End(socket)));
    this.#server = server;
    return new Promise((resolve) => {
      server.listen(this.#port, '127.0.0.1', () => {
        this.#port = (server.address() as { port: number }).port;
        resolve();
      });
    });
  }

  deaf(): void {
    this.#server?.close();
    this.#server = null;
  }

  dial(): End {
    const end = new End(connect({ port: this.proxy.port, host: '127.0.0.1', allowHalfOpen: true }));
    this.dialled.push(end);
    return end;
  }

  /** A connection through which a word has gone each way. */
  async joined(): Promise<readonly [End, End]> {
    const dialler = this.dial();
    dialler.socket.write('hello');
    const heard = (): End | undefined => this.ends.find(({ text, isOver }) => text === 'hello' && !isOver);
    await until('the target hears', () => heard() !== undefined, waitMsMax);
    const target = heard() as End;
    target.socket.write('welcome');
    await dialler.hears('welcome');
    return [dialler, target];
  }
}

void test('mesh proxy: bytes pass both ways, and an end of one side is an end for the other', async (t) => {
  const link = await Link.open(t);
  const [dialler, target] = await link.joined();
  dialler.socket.end('bye');
  await target.hears('bye');
  await until('the end is seen', () => target.hasEnded, waitMsMax);
  target.socket.end('and bye');
  await dialler.hears('and bye');
  await until('both are over', () => dialler.isOver && target.isOver, waitMsMax);
  equal(link.proxy.connections, 0);
});

void test('mesh proxy: a reset of one side is a reset for the other', async (t) => {
  const link = await Link.open(t);
  const [dialler, target] = await link.joined();
  target.socket.resetAndDestroy();
  await until('the dialler is over', () => dialler.isOver, waitMsMax);
  equal(dialler.error, 'ECONNRESET');
});

void test('mesh proxy: cut one way, the other way still passes; what was held arrives in order on healing', async (t) => {
  const link = await Link.open(t);
  const [dialler, target] = await link.joined();
  link.proxy.hold('forward');
  dialler.socket.write('one');
  dialler.socket.write('two');
  target.socket.write('still here');
  await dialler.hears('still here');
  await loopTurns(50);
  equal(target.text, 'hello');
  link.proxy.heal();
  await target.hears('onetwo');
});

void test('mesh proxy: an end is held by a cut like everything else', async (t) => {
  const link = await Link.open(t);
  const [dialler, target] = await link.joined();
  link.proxy.hold('forward');
  dialler.socket.end('last words');
  target.socket.write('x');
  await dialler.hears('x');
  await loopTurns(50);
  deepEqual([target.hasEnded, target.text], [false, 'hello']);
  link.proxy.heal();
  await target.hears('last words');
  await until('the end is seen', () => target.hasEnded, waitMsMax);
});

void test('mesh proxy: healed by reset, what was held is gone and both sides are told', async (t) => {
  const link = await Link.open(t);
  const [dialler, target] = await link.joined();
  link.proxy.hold('forward', 'backward');
  dialler.socket.write('lost');
  target.socket.write('lost too');
  await loopTurns(50);
  link.proxy.heal('reset');
  await until('both are over', () => dialler.isOver && target.isOver, waitMsMax);
  deepEqual([dialler.text, target.text], ['welcome', 'hello']);
  await link.joined();
});

void test('mesh proxy: nobody comes through a cut; who dialled meanwhile gets through when it heals', async (t) => {
  const link = await Link.open(t);
  link.proxy.hold('backward');
  const dialler = link.dial();
  dialler.socket.write('anybody?');
  await until('the proxy has it', () => link.proxy.connections === 1, waitMsMax);
  await loopTurns(50);
  equal(
    link.ends.every(({ text }) => text === ''),
    true,
  );
  link.proxy.heal();
  await until('the target hears', () => link.ends.some(({ text }) => text === 'anybody?'), waitMsMax);
});

void test('mesh proxy: a delayed byte comes when its delay is over, and the other way is not delayed', async (t) => {
  const clock = new FakeClock();
  const link = await Link.open(t, { clock });
  const [dialler, target] = await link.joined();
  link.proxy.delay(200, 'forward');
  dialler.socket.write('slow');
  target.socket.write('quick');
  await dialler.hears('quick');
  await until('the proxy waits with it', () => clock.alarms > 0, waitMsMax);
  clock.advance(199);
  await loopTurns(50);
  equal(target.text, 'hello');
  clock.advance(1);
  await target.hears('slow');
});

void test('mesh proxy: healing a delay hurries what waits', async (t) => {
  const clock = new FakeClock();
  const link = await Link.open(t, { clock });
  const [dialler, target] = await link.joined();
  link.proxy.delay(60_000, 'forward');
  dialler.socket.write('slow');
  await until('the proxy waits with it', () => clock.alarms > 0, waitMsMax);
  link.proxy.heal();
  await target.hears('slow');
});

void test('mesh proxy: what was on its way when the link was cut is held as well', async (t) => {
  const clock = new FakeClock();
  const link = await Link.open(t, { clock });
  const [dialler, target] = await link.joined();
  link.proxy.delay(200, 'forward');
  dialler.socket.write('slow');
  await until('the proxy waits with it', () => clock.alarms > 0, waitMsMax);
  link.proxy.hold('forward');
  clock.advance(500);
  await loopTurns(50);
  equal(target.text, 'hello');
  link.proxy.heal();
  await target.hears('slow');
});

void test('mesh proxy: while held, the sender is not read: his own buffers fill', async (t) => {
  const link = await Link.open(t);
  const [dialler] = await link.joined();
  link.proxy.hold('forward');
  const block = Buffer.alloc(1024 * 1024);
  // Far more than loopback's buffers hold.
  for (let i = 0; i < 32; i++) dialler.socket.write(block);
  await loopTurns(200);
  equal(dialler.socket.writableLength > 16 * 1024 * 1024, true);
  link.proxy.heal();
  await until('all is taken', () => dialler.socket.writableLength === 0, waitMsMax);
});

void test('mesh proxy: who dials a dead node is refused; when it lives again, it is reached at the same port', async (t) => {
  const link = await Link.open(t);
  const { port } = link.proxy;
  link.deaf();
  link.proxy.targetDies();
  const refused = link.dial();
  await until('refused', () => refused.isOver, waitMsMax);
  equal(refused.error, 'ECONNREFUSED');
  await link.listen();
  link.proxy.targetLives();
  await until('it listens again', () => link.proxy.isListening, waitMsMax);
  equal(link.proxy.port, port);
  await link.joined();
});

void test('mesh proxy: of a node that died by itself the first dialler is reset, the next refused', async (t) => {
  const link = await Link.open(t);
  link.deaf();
  const first = link.dial();
  await until('reset', () => first.isOver, waitMsMax);
  equal(first.error, 'ECONNRESET');
  await until('it is deaf', () => !link.proxy.isListening, waitMsMax);
  const second = link.dial();
  await until('refused', () => second.isOver, waitMsMax);
  equal(second.error, 'ECONNREFUSED');
  await link.listen();
  await until('it listens again', () => link.proxy.isListening, waitMsMax);
});
