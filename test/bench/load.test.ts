import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { type LoadOptions, type LoadResult, nextDueMs, runLoad } from '../../bench/load/generator.ts';
import { MessageTemplate } from '../../bench/load/message.ts';
import { copiesIn } from '../../bench/load/session.ts';
import { mustBeClean, spawnLoad } from '../../bench/load/spawn.ts';
import { systemClock } from '../../runtime/base/clock.ts';

/** Enough for the pieces of an answer to be read one by one. */
const pieceMs = 30;

interface Sink {
  readonly port: number;
  readonly mails: string[];
  readonly recipients: string[];
  connections: number;
}

/** A server that keeps all it is sent, and answers as `options` say. */
async function startSink(t: TestContext, options: SMTPServerOptions = {}): Promise<Sink> {
  const mails: string[] = [];
  const recipients: string[] = [];
  const server = new SMTPServer({
    logger: false,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onConnect(_session, callback) {
      sink.connections++;
      callback();
    },
    onData(stream, session, callback) {
      let text = '';
      stream.setEncoding('latin1').on('data', (part: string) => {
        text += part;
      });
      stream.once('end', () => {
        mails.push(text);
        recipients.push(...session.envelope.rcptTo.map(({ address }) => address));
        callback(null);
      });
    },
    ...options,
  });
  server.on('error', () => {});
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const sink: Sink = { port: (listening.address() as AddressInfo).port, mails, recipients, connections: 0 };
  return sink;
}

function load(sink: Sink, options: Partial<LoadOptions>): Promise<LoadResult> {
  return runLoad({
    host: '127.0.0.1',
    port: sink.port,
    sessions: 2,
    sizeBytes: 5000,
    mode: 'open',
    seconds: 1,
    warmupSeconds: 0,
    mails: 7,
    recipients: ['ann@bench.example', 'robert@bench.example'],
    pick: 'round-robin',
    ...options,
  });
}

void test('load: as many mails as were asked for, to each recipient in turn, on connections kept open', async (t) => {
  const sink = await startSink(t);
  const result = await load(sink, {});
  assert.equal(result.mails, 7);
  assert.equal(result.failures, 0);
  assert.equal(result.latency.count, 7);
  assert.ok(result.mailsPerSecond > 0 && result.latency.maxMs >= result.latency.p50Ms);
  assert.equal(sink.connections, 2);
  assert.equal(sink.recipients.filter((address) => address === 'ann@bench.example').length, 4);
  assert.equal(sink.recipients.filter((address) => address === 'robert@bench.example').length, 3);
});

void test('load: one connection for each mail when that is asked for', async (t) => {
  const sink = await startSink(t);
  const result = await load(sink, { mode: 'one-per-connection', mails: 4 });
  assert.equal(result.mails, 4);
  assert.equal(result.failures, 0);
  assert.equal(sink.connections, 4);
});

void test('load: a run by time stops by itself and does not count the warm-up', async (t) => {
  const sink = await startSink(t);
  const result = await runLoad({
    ...{ host: '127.0.0.1', port: sink.port, sessions: 1, sizeBytes: 1024, mode: 'open', pick: 'uniform' },
    ...{ recipients: ['ann@bench.example'], seconds: 0.2, warmupSeconds: 0.2 },
  });
  assert.equal(result.failures, 0);
  assert.ok(result.mails > 0 && result.mails < result.mailsAll);
  assert.equal(sink.mails.length, result.mailsAll);
});

void test('load: every mail has its size, sound headers, a Message-ID of its own and bytes of its own', async (t) => {
  const sink = await startSink(t);
  await load(sink, { sessions: 3, mails: 12, sizeBytes: 10_240 });
  assert.equal(new Set(sink.mails.map((mail) => /^Message-ID: (<.+>)\r$/m.exec(mail)?.[1])).size, 12);
  assert.equal(new Set(sink.mails.map((mail) => mail.slice(5000, 9500))).size, 12);
  for (const mail of sink.mails) {
    assert.equal(mail.length, 10_240);
    assert.match(mail, /^Date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000\r$/m);
    assert.match(mail, /^To: +<(ann|robert)@bench\.example>\r$/m);
    assert.ok(mail.split('\r\n').every((line) => line.length <= 200 && !line.includes('\n') && !line.startsWith('.')));
  }
});

void test('load: a mail keeps its shape at every size', () => {
  for (let size = 1024; size < 1200; size++) {
    const message = new MessageTemplate(size, 3, 'sender@load.example', 30, 'Tue, 24 Nov 2026 15:00:00 +0000');
    message.next('<ann@bench.example>');
    const text = message.bytes.toString('latin1');
    assert.equal(text.length, size + '.\r\n'.length);
    assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(text), `bare CR or LF at ${size}`);
  }
});

void test('load: an answer other than 250 is counted, told, and spoils the result', async (t) => {
  let count = 0;
  const sink = await startSink(t, {
    onRcptTo(_address, _session, callback) {
      count++;
      callback(count === 3 ? Object.assign(new Error('4.2.1 busy'), { responseCode: 451 }) : null);
    },
  });
  const result = await load(sink, { sessions: 1, mails: 6 });
  assert.equal(result.failures, 1);
  assert.equal(result.mails, 5);
  assert.match(result.failureTexts[0] ?? '', /^rcpt: 451 4\.2\.1 busy/);
  assert.throws(() => mustBeClean('sink', result), /sink: 1 failures under load, first: rcpt: 451/);
});

void test('load: a refused final dot is a failure, not a mail', async (t) => {
  const sink = await startSink(t, {
    onData(stream, _session, callback) {
      stream.resume().once('end', () => callback(Object.assign(new Error('no room'), { responseCode: 452 })));
    },
  });
  const result = await load(sink, { sessions: 1, mails: 3 });
  assert.equal(result.mails, 0);
  assert.equal(result.failures, 3);
});

void test('load: a server that refuses everybody ends the run', async (t) => {
  const sink = await startSink(t, {
    onConnect(_session, callback) {
      callback(Object.assign(new Error('go away'), { responseCode: 421 }));
    },
  });
  const result = await load(sink, {});
  assert.equal(result.mails, 0);
  assert.ok(result.failures >= 2);
});

void test('load: the process prints one JSON object, and says what failed', async (t) => {
  const sink = await startSink(t);
  const asked = { port: sink.port, sizeBytes: 2048, sessions: 2, mails: 5, recipients: ['ann@bench.example'] };
  const result = await spawnLoad(asked);
  assert.equal(result.mails, 5);
  assert.equal(sink.mails.length, 5);
  const closed = await spawnLoad({ ...asked, port: 1 });
  assert.equal(closed.mails, 0);
  assert.match(closed.failureTexts[0] ?? '', /ECONNREFUSED/);
});

void test('load: with AUTH it logs in once a connection, and sends as who it is', async (t) => {
  const logins: string[] = [];
  const senders: string[] = [];
  const sink = await startSink(t, {
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    authMethods: ['PLAIN'],
    onAuth({ username = '', password = '' }, _session, callback) {
      logins.push(`${username} ${password}`);
      callback(null, { user: username });
    },
    onMailFrom({ address }, _session, callback) {
      senders.push(address);
      callback();
    },
  });
  const auth = { user: 'me@bench.example', password: 'secret' };
  const result = await load(sink, { sessions: 2, mails: 6, auth, sender: 'me@bench.example' });
  assert.equal(result.failures, 0, result.failureTexts.join());
  assert.deepEqual(
    logins,
    Array.from({ length: 2 }, () => 'me@bench.example secret'),
  );
  assert.deepEqual([...new Set(senders)], ['me@bench.example']);
  assert.match(sink.mails[0] ?? '', /^From: <me@bench\.example>\r$/m);
});

void test('load: at a steady pace it sends no faster than asked', async (t) => {
  const sink = await startSink(t);
  const result = await load(sink, { sessions: 4, mails: 20, perSecond: 100 });
  assert.equal(result.failures, 0);
  assert.ok(result.seconds >= 0.18, `20 mails at 100/s took ${result.seconds} s`);
});

void test('load: sessions are spread over the ports of a cluster, one after another', async (t) => {
  const sinks = [await startSink(t), await startSink(t), await startSink(t)];
  const ports = sinks.map((sink) => sink.port);
  const result = await load(sinks[0]!, { port: 1, ports, sessions: 7, mails: 21 });
  assert.equal(result.failures, 0, result.failureTexts.join());
  assert.deepEqual(
    sinks.map((sink) => sink.connections),
    [3, 2, 2],
  );
});

void test('load: what answers say of copies is counted', async (t) => {
  const said = ['2/3', '3/3', '2/3', null, '2/3'];
  const sink = await startSink(t, {
    onData(stream, _session, callback) {
      const copies = said.shift() ?? null;
      stream.resume().once('end', () => callback(null, copies === null ? 'queued as 4/5' : `Ok id=x copies=${copies}`));
    },
  });
  const result = await load(sink, { sessions: 1, mails: 5 });
  assert.deepEqual(result.copies, { '2/3': 3, '3/3': 1 });
});

/** A server that says its last answer in two pieces, cut where it hurts. */
async function startHaltingServer(t: TestContext): Promise<number> {
  const server = createServer((socket: Socket) => {
    socket.setNoDelay(true).on('error', () => undefined);
    socket.write('220 halting\r\n');
    let text = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
      if (text.endsWith('\r\n.\r\n')) {
        socket.write('250 2.0.0 Ok id=x copies=3');
        systemClock.after(pieceMs, () => socket.write('/5\r\n'));
      } else if (text.endsWith('\r\n') && !text.startsWith('Message-ID')) {
        socket.write(text.startsWith('DATA') ? '354 go on\r\n' : '250 ok\r\n');
      } else {
        return;
      }
      text = '';
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

void test('load: copies are known also from an answer that comes in two pieces', async (t) => {
  const port = await startHaltingServer(t);
  const result = await runLoad({
    ...{ host: '127.0.0.1', port, sessions: 1, sizeBytes: 2048, mode: 'open', seconds: 1, warmupSeconds: 0 },
    ...{ mails: 2, recipients: ['ann@bench.example'], pick: 'round-robin' },
  });
  assert.equal(result.failures, 0, result.failureTexts.join());
  assert.deepEqual(result.copies, { '3/5': 2 });
});

void test('load: an answer names its copies at its end, or not at all', () => {
  const of = (text: string): number => copiesIn(Buffer.from(text), text.length);
  assert.equal(of('250 2.0.0 Ok id=01m873y01tvd1z9nj49nj0ejve copies=2/3\r\n'), 23);
  assert.equal(of('250 2.0.0 Ok id=x copies=1/1\r\n'), 11);
  for (const text of ['250 2.0.0 Ok: queued as 1A2/3\r\n', '250 x=a/b\r\n', '250\r\n', '', '/\r\n']) {
    assert.equal(of(text), 0, text);
  }
});

void test('pace: a mail is due an interval after the one before; only when asked to, in the past', () => {
  assert.equal(nextDueMs(null, 10, 500, false), 500);
  assert.equal(nextDueMs(500, 10, 503, false), 510);
  assert.equal(nextDueMs(500, 10, 800, false), 800);
  assert.equal(nextDueMs(500, 10, 800, true), 510);
});

/** Longer than the interval of its pace. */
const slowMs = 50;

/** A sink that takes its time with every answer. */
function startSlowSink(t: TestContext): Promise<Sink> {
  return startSink(t, {
    onData(stream, _session, callback) {
      stream.resume().once('end', () => systemClock.after(slowMs, () => callback(null)));
    },
  });
}

void test('load: what a slow server holds up counts from when it was due, when it is made up for', async (t) => {
  const [sessions, mails, perSecond] = [1, 10, 50];
  const result = await load(await startSlowSink(t), { sessions, mails, perSecond, makesUp: true });
  // Each of ten takes 50 ms at least and was due 20 ms after the one before.
  const heldUpMs = (mails - 1) * (slowMs - 1000 / perSecond);
  assert.ok(result.latency.p50Ms >= slowMs - 1, JSON.stringify(result.latency));
  assert.ok(result.sinceDue.maxMs >= result.latency.maxMs + heldUpMs - 50, JSON.stringify(result));
});

void test('load: without a pace a mail is due when it begins', async (t) => {
  const result = await load(await startSlowSink(t), { sessions: 2, mails: 6 });
  assert.deepEqual(result.sinceDue, result.latency);
});
