/**
 * How the cluster comes to be: who founds it, who is there from the start, and how others join, by the commands that the
 * real way in gives (`cluster/identity/join-door.ts`). Keys and certificates are texts.
 */
import { hash } from 'node:crypto';
import type { AboutNode } from '../../cluster/membership.ts';
import { theCluster } from '../../cluster/metadata/protocol.ts';
import type { OwnCommands } from '../../cluster/own-commands.ts';
import type { AskOptions } from '../../runtime/actor/actor.ts';
import type { Configuration } from '../../cluster/raft/protocol.ts';
import { metadataShard } from '../../runtime/actor/shard.ts';
import { nodeId, type NodeId, type ShardId } from '../../runtime/base/ids.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { asOperator } from './clients/setup.ts';
import { Unsure } from './clients/sim-core.ts';
import { simClusterId } from './world/greeter.ts';
import type { Machine } from './world/machine.ts';
import type { Dice } from './world/random.ts';
import type { SimWorld } from './world/sim-world.ts';

const againMs = 150;
/** What the join door asks as. */
const asMember: AskOptions = { principal: { kind: 'node', id: 'sim' }, timeoutMs: 20_000 };

const sha256 = (text: string): string => hash('sha256', text, 'base64url');

/** Before anything runs: who is there, and what their disks know. */
export function beginFormed({ plan, machines }: Pick<SimWorld, 'plan' | 'machines'>): void {
  const { forming } = plan;
  const there = machines.filter((_, i) => (forming === 'founded' ? i === 0 : !plan.machines[i]!.isLate));
  for (const machine of there) {
    machine.hasJoined = true;
    machine.isConfigured = forming !== 'founded';
    machine.nodesKnown = there.map(({ id }) => id);
  }
}

export function aboutOf({ plan, machines }: SimWorld, machine: Machine): AboutNode {
  const index = machines.indexOf(machine);
  const zone = plan.zones === 1 ? '' : `z${index % plan.zones}`;
  return { address: `${machine.id}:4700`, zone, host: `h${index}`, version: 'sim' };
}

/**
 * Who votes in groups that are not on the machine's disk yet; undefined: as the cluster says by itself. Where all are there
 * from the start the first of them has the metadata alone: a map that does not name the voters of a group would end it.
 */
export function configuring({ plan }: SimWorld, machine: Machine): ((shard: ShardId) => Configuration) | undefined {
  if (!machine.isConfigured) return undefined;
  const { voters, witness, forming, shardCount } = plan;
  const nameOf = (index: number): NodeId => nodeId(plan.machines[index]!.name);
  const all = { voters: voters.map(nameOf), learners: [], witness: witness === null ? null : nameOf(witness) };
  const first = { voters: machine.id === nameOf(0) ? [machine.id] : [], learners: [], witness: null };
  return (shard) => (forming === 'configured' && shard === metadataShard(shardCount) ? first : all);
}

/** Of the first machine, as long as it has its name. */
export function foundingOf(
  world: SimWorld,
  machine: Machine,
): ((commands: Pick<OwnCommands, 'ask'>) => Promise<void>) | undefined {
  const { plan } = world;
  if (plan.forming === 'mapless' || machine.id !== nodeId(plan.machines[0]!.name)) return undefined;
  const { shardCount, replicas } = plan;
  const made = { clusterId: simClusterId, shardCount, replicas, caCertificate: 'of the CA', caKey: 'key of the CA' };
  return async (commands) => {
    await commands.ask(theCluster, { kind: 'found', ...made, node: recordOf(world, machine, machine.id) });
  };
}

/** Lets in who is to be there when clients begin. */
export async function formCluster(world: SimWorld, core: CoreApi): Promise<void> {
  const { plan, machines } = world;
  if (plan.forming === 'mapless') return;
  for (const [i, machine] of machines.entries()) {
    if (i === 0 || plan.machines[i]!.isLate) continue;
    await admit(world, core, machine);
    world.start(machine);
  }
}

/** A machine comes in while the cluster works. */
export function join(world: SimWorld, machine: Machine, dice: Dice): void {
  world.joining++;
  joinNow(world, machine, dice).then(
    () => world.joining--,
    (error: unknown) => world.oracle.fail(`joining of ${machine.id}: ${String((error as Error).stack)}`),
  );
}

async function joinNow(world: SimWorld, machine: Machine, dice: Dice): Promise<void> {
  const core = world.newCore(`join ${machine.id}`);
  if (dice.chance(0.5)) await tryTakenName(world, core, machine, dice);
  await admit(world, core, machine);
  world.start(machine);
  while (!isIn(machine)) await world.timeline.sleep(againMs);
  world.note(`${machine.id} is in the map`);
}

const isIn = ({ id, node }: Machine): boolean =>
  node?.cluster.membership.map?.nodes.some((record) => record.id === id && record.started !== null) === true;

/** Asked until it is let in. */
async function admit(world: SimWorld, core: CoreApi, machine: Machine): Promise<void> {
  const node = recordOf(world, machine, machine.id);
  for (let attempt = 1; ; attempt++) {
    const secretHash = sha256(`token ${attempt} of ${machine.id}`);
    try {
      await core.ask(theCluster, { kind: 'createToken', secretHash, expiresMs: null }, asOperator);
      const { map } = await core.ask(theCluster, { kind: 'admit', secretHash, node }, asMember);
      machine.nodesKnown = map.nodes.map(({ id }) => id);
      machine.hasJoined = true;
      return;
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      world.note(`${machine.id} is not let in yet: ${error.code}`);
      // The clock of whoever leads may have jumped behind the token's end; and one that asks again may be in and have started.
      const isAgain = error.transient || error instanceof Unsure || error.code === 'tokenExpired';
      if (error.code === 'nodeIdTaken' && machine.isUp) return;
      if (!isAgain) throw error;
    }
    await world.timeline.sleep(againMs);
  }
}

/** By mistake, with a key of its own: a name is never given twice. */
async function tryTakenName(world: SimWorld, core: CoreApi, machine: Machine, dice: Dice): Promise<void> {
  const { id: taken } = dice.pick(world.machines.filter((other) => other !== machine && other.hasJoined));
  const secretHash = sha256(`token of ${machine.id} for ${taken}`);
  const node = recordOf(world, machine, taken);
  try {
    await core.ask(theCluster, { kind: 'createToken', secretHash, expiresMs: null }, asOperator);
    await core.ask(theCluster, { kind: 'admit', secretHash, node }, asMember);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    return world.note(`${machine.id} may not be called ${taken}: ${error.code}`);
  }
  world.oracle.fail(`${machine.id} was let in as ${taken}, which another machine is`);
}

/** @param name its own, or one that it should not have */
function recordOf(world: SimWorld, machine: Machine, name: Machine['id']) {
  const { address, zone, host } = aboutOf(world, machine);
  return { id: name, address, zone, host, keyHash: sha256(`key of ${machine.id}`), certificate: `of ${machine.id}` };
}
