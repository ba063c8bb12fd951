/**
 * A process that opens connections, says EHLO, and then holds them without a word until its stdin ends.
 *
 * One JSON argument `{port, connections}`; prints one JSON line `{opened, lost, seconds}` when all are open, or when the
 * server lets in no more, and another at the end. Connections come from many loopback addresses, since a server may
 * limit those of one client.
 */
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../runtime/base/clock.ts';

const { port, connections } = JSON.parse(process.argv[2] ?? '{}') as { port: number; connections: number };
/** Handshakes under way at a time: fewer than any listen backlog. */
const openingMax = 50;
const perAddress = 40;
const startMs = systemClock.monotonicMs();
const sockets = new Set<Socket>();
let next = 0;
let opened = 0;
let lost = 0;
let isEnding = false;
let isStalled = false;
/** A server that lets us in no further: what is open by then is told. */
const stallMsMax = 20_000;
let cancelStall = watchStall();

function open(): void {
  if (next === connections) return;
  const index = next++;
  const localAddress = `127.0.${1 + Math.floor(index / perAddress / 250)}.${1 + (Math.floor(index / perAddress) % 250)}`;
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  sockets.add(socket);
  let isGreeted = false;
  let isOpen = false;
  socket.on('data', (bytes) => {
    const text = bytes.toString('latin1');
    if (!isGreeted && text.startsWith('220')) {
      isGreeted = true;
      socket.write('EHLO idle.example\r\n');
    } else if (!isOpen && /^250 /m.test(text)) {
      isOpen = true;
      opened++;
      settle();
    } else if (!text.startsWith('250')) {
      process.stderr.write(`idle: ${text}`);
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    if (isEnding) return;
    lost++;
    if (!isOpen) settle();
  });
}

function settle(): void {
  cancelStall();
  if (isStalled) return;
  if (opened + lost >= connections) return report();
  cancelStall = watchStall();
  open();
}

function watchStall(): () => void {
  return systemClock.after(stallMsMax, () => {
    isStalled = true;
    report();
  });
}

function report(): void {
  process.stdout.write(`${JSON.stringify({ opened, lost, seconds: (systemClock.monotonicMs() - startMs) / 1000 })}\n`);
}

for (let i = 0; i < Math.min(openingMax, connections); i++) open();
process.stdin.resume().on('end', () => {
  isEnding = true;
  report();
  for (const socket of sockets) socket.destroy();
});
