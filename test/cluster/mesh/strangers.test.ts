/** Whoever holds a connection open and shows no certificate keeps nobody out, and is cut off. */
import assert from 'node:assert/strict';
import { connect as connectTcp, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { acquaint, linked, MeshWorld, n1, n2 } from './mesh-world.ts';
import { until } from './until.ts';

void describe('strangers at the door', () => {
  void test('many connections that say nothing keep no node out: the oldest goes', async (t) => {
    const world = new MeshWorld(t);
    const a = await world.node(n1);
    const b = await world.node(n2, { settings: { strangersMax: 8, handshakeMsMax: 60_000 } });
    const strangers: { socket: Socket; isClosed: boolean }[] = [];
    for (let i = 0; i < 40; i++) {
      const socket = connectTcp(b.place);
      const stranger = { socket, isClosed: false };
      socket.on('error', () => {});
      socket.on('close', () => {
        stranger.isClosed = true;
      });
      strangers.push(stranger);
    }
    t.after(() => strangers.forEach(({ socket }) => socket.destroy()));
    await until(() => strangers.filter(({ isClosed }) => isClosed).length >= 32, 'most are closed');
    acquaint(a, b);
    await linked(a, b);
  });

  void test('a stranger that shakes hands and then dawdles is cut off, byte by byte or not', async (t) => {
    const world = new MeshWorld(t);
    let joins = 0;
    const join = async (): Promise<{ status: number; body: null }> => ({ status: 200, body: (joins++, null) });
    const b = await world.node(n2, { settings: { requestMsMax: 300 }, join: () => join });
    const slow = connectTls({ ...b.place, rejectUnauthorized: false });
    slow.on('error', () => {});
    t.after(() => slow.destroy());
    let isClosed = false;
    slow.on('close', () => {
      isClosed = true;
    });
    await new Promise<void>((resolve) => slow.once('secureConnect', () => resolve()));
    slow.write('POST /v1/join HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n');
    let isAnswered = false;
    slow.on('data', () => {
      isAnswered = true;
    });
    const dribble = setInterval(() => slow.writable && slow.write('x'), 50);
    t.after(() => clearInterval(dribble));
    await until(() => isClosed, 'it is cut off');
    assert.deepEqual([isAnswered, joins], [false, 0]);
  });

  void test('a connection that never shakes hands is cut off', async (t) => {
    const world = new MeshWorld(t);
    const b = await world.node(n2, { settings: { handshakeMsMax: 50 } });
    const mute = connectTcp(b.place);
    mute.on('error', () => {});
    let isClosed = false;
    mute.on('close', () => {
      isClosed = true;
    });
    mute.resume();
    await until(() => isClosed, 'it is cut off');
  });
});
