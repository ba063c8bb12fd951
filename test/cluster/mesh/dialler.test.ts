/** When a peer is looked for, and where: a story in fake time. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DialOutcome } from '../../../cluster/mesh/dial-attempt.ts';
import { Dialler } from '../../../cluster/mesh/dialler.ts';
import { meshSettings } from '../../../cluster/mesh/settings.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const nobody: DialOutcome = { kind: 'nobodyListens' };
const failed: DialOutcome = { kind: 'failed', reason: 'reset' };
const refusedByThem: DialOutcome = { kind: 'refused', refusal: { code: 'nodeRemoved', text: '' }, by: 'them' };
// Nothing of it is looked at here.
const standing = { kind: 'linked', greeted: {} } as unknown as DialOutcome;

class World {
  readonly clock = new FakeClock();
  readonly #startMs = this.clock.monotonicMs();
  readonly log: string[] = [];
  addresses: readonly string[] = ['a:1'];
  elsewhere: readonly string[] = [];
  readonly dialler: Dialler;
  #done: ((outcome: DialOutcome) => void) | null = null;
  readonly probes: ((isRefused: boolean) => void)[] = [];

  /** @param chance 255: waits are whole; 0: halved */
  constructor(dials = true, chance = 255) {
    this.dialler = new Dialler({
      dials,
      settings: meshSettings,
      clock: this.clock,
      random: { bytes: (count) => new Uint8Array(count).fill(chance) },
      addresses: () => this.addresses,
      elsewhere: () => this.elsewhere,
      attempt: (address, isKnock, done) => {
        this.#note(`${isKnock ? 'knock' : 'dial'} ${address}`);
        this.#done = done;
        return { cancel: () => this.#note('cancelled') };
      },
      probe: (address, done) => {
        this.#note(`probe ${address}`);
        this.probes.push(done);
        return { cancel: () => {} };
      },
      linked: () => this.#note('linked'),
      nobodyListens: () => this.#note('nobody listens'),
      failed: () => {},
    });
  }

  #note(what: string): void {
    this.log.push(`${Math.round(this.clock.monotonicMs() - this.#startMs)} ${what}`);
  }

  ends(outcome: DialOutcome): void {
    const done = this.#done;
    assert.notEqual(done, null, 'a try is under way');
    this.#done = null;
    done?.(outcome);
  }

  /** Each try of the next while ends so, at once. */
  passes(ms: number, outcome: DialOutcome): void {
    for (let i = 0; i < ms; i++) {
      this.clock.advance(1);
      if (this.#done !== null) this.ends(outcome);
    }
  }

  taken(): string[] {
    return this.log.splice(0);
  }
}

void describe('the node that dials', () => {
  void test('tries at once, then after 50 ms, doubled up to a second', () => {
    const world = new World();
    world.dialler.start();
    world.ends(failed);
    world.passes(3_000, failed);
    assert.deepEqual(
      world.taken(),
      ['0', '50', '150', '350', '750', '1550', '2550'].map((at) => `${at} dial a:1`),
    );
  });

  void test('chance shortens the waits, so that those who fell out together do not come back together', () => {
    const world = new World(true, 0);
    world.dialler.start();
    world.ends(failed);
    world.passes(100, failed);
    assert.deepEqual(world.taken(), ['0 dial a:1', '25 dial a:1', '75 dial a:1']);
  });

  void test('tries each address in turn, and says that nobody listens when all said so', () => {
    const world = new World();
    world.addresses = ['a:1', 'b:2'];
    world.dialler.start();
    world.ends(nobody);
    assert.deepEqual(world.taken(), ['0 dial a:1', '0 dial b:2']);
    world.ends(failed);
    assert.deepEqual(world.taken(), []);
    world.clock.advance(50);
    world.ends(nobody);
    world.ends(nobody);
    assert.deepEqual(world.taken(), ['50 dial a:1', '50 dial b:2', '50 nobody listens']);
    // Each round says so anew.
    world.clock.advance(100);
    world.ends(nobody);
    world.ends(nobody);
    assert.deepEqual(world.taken(), ['150 dial a:1', '150 dial b:2', '150 nobody listens']);
  });

  void test('tries too where the peer only may be, and what is refused there says nothing', () => {
    const world = new World();
    world.elsewhere = ['b:2', 'a:1'];
    world.dialler.start();
    world.ends(failed);
    world.ends(nobody);
    assert.deepEqual(world.taken(), ['0 dial a:1', '0 dial b:2']);
    world.clock.advance(50);
    world.ends(nobody);
    world.ends(nobody);
    assert.deepEqual(world.taken(), ['50 dial a:1', '50 nobody listens', '50 dial b:2']);
  });

  void test('waits longer after a refusal by name', () => {
    const world = new World();
    world.dialler.start();
    world.ends(refusedByThem);
    world.passes(2_500, refusedByThem);
    assert.deepEqual(world.taken(), ['0 dial a:1', '1000 dial a:1', '2000 dial a:1']);
  });

  void test('a link that stood is tried again at once when it breaks; one that broke at once is not: no storm', () => {
    const world = new World();
    world.dialler.start();
    world.ends(standing);
    world.dialler.lost(5_000);
    assert.deepEqual(world.taken(), ['0 dial a:1', '0 linked', '0 dial a:1']);
    for (const waitMs of [50, 100, 200, 400, 800, 1_000, 1_000]) {
      world.ends(standing);
      world.taken();
      world.dialler.lost(3);
      world.clock.advance(waitMs - 1);
      assert.deepEqual(world.taken(), []);
      world.clock.advance(1);
      assert.equal(world.log.length, 1, `after ${waitMs} ms`);
    }
  });

  void test('hurries when there is a reason to, but never with two tries at a time', () => {
    const world = new World();
    world.dialler.start();
    world.dialler.hurry();
    assert.deepEqual(world.taken(), ['0 dial a:1']);
    world.ends(failed);
    world.clock.advance(10);
    world.dialler.hurry();
    assert.deepEqual(world.taken(), ['10 dial a:1']);
    world.clock.advance(1_000);
    assert.deepEqual(world.taken(), []);
  });

  void test('stops when it is told to, also in the midst of a try', () => {
    const world = new World();
    world.dialler.start();
    world.dialler.stop();
    assert.deepEqual(world.taken(), ['0 dial a:1', '0 cancelled']);
    world.clock.advance(10_000);
    assert.deepEqual([world.taken(), world.clock.alarms], [[], 0]);
  });

  void test('keeps looking while no address is known', () => {
    const world = new World();
    world.addresses = [];
    world.dialler.start();
    world.clock.advance(500);
    world.addresses = ['a:1'];
    world.clock.advance(1_000);
    assert.equal(world.log.length > 0, true);
  });
});

void describe('the node that is dialled', () => {
  void test('looks three times whether the peer refuses, and then tells it where it is, less and less often', () => {
    const world = new World(false);
    world.dialler.start();
    world.passes(9_000, failed);
    assert.deepEqual(world.taken(), [
      '0 probe a:1',
      '50 probe a:1',
      '150 probe a:1',
      '500 knock a:1',
      '1500 knock a:1',
      '3500 knock a:1',
      '7500 knock a:1',
    ]);
  });

  void test('says that nobody listens as soon as all addresses refuse', () => {
    const world = new World(false);
    world.addresses = ['a:1', 'b:2'];
    world.dialler.start();
    const [first, second] = world.probes;
    first?.(true);
    assert.equal(world.taken().includes('0 nobody listens'), false);
    second?.(true);
    assert.deepEqual(world.taken(), ['0 nobody listens']);
  });

  void test('a link that comes ends all of it', () => {
    const world = new World(false);
    world.dialler.start();
    world.dialler.stop();
    world.taken();
    world.clock.advance(10_000);
    assert.deepEqual([world.taken(), world.clock.alarms], [[], 0]);
  });
});
