import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeardNodes } from '../../cluster/heard-nodes.ts';
import type { NodeRecord, NodeState } from '../../cluster/metadata/protocol.ts';
import { nodeId } from '../../runtime/base/ids.ts';

const node = (id: string, state: NodeState = 'member'): NodeRecord => ({
  ...{ id: nodeId(id), state, address: '', zone: '', host: '', keyHash: '', certificate: '' },
  ...{ admittedMs: 0, started: null },
});

function heard(known: readonly string[]) {
  let map: { readonly nodes: readonly NodeRecord[] } | null = null;
  let told = '';
  const nodes = new HeardNodes({
    ...{ self: nodeId('n1'), known: known.map((id) => nodeId(id)), map: () => map },
    changed: (all) => {
      told = all.join(' ');
    },
  });
  return {
    nodes,
    told: () => told,
    mapIs: (...records: NodeRecord[]) => {
      map = { nodes: records };
      nodes.mapChanged();
    },
  };
}

void test('a node that links and is not known yet is heard, so that it can bring the map that names it', () => {
  const { nodes, told, mapIs } = heard(['n2']);
  nodes.linked(nodeId('n3'));
  assert.equal(told(), 'n1 n2 n3');
  mapIs(node('n1'), node('n2'));
  assert.equal(told(), 'n1 n2 n3');
  mapIs(node('n1'), node('n2'), node('n3'));
  assert.equal(told(), 'n1 n2 n3');
  nodes.unlinked(nodeId('n3'));
  assert.equal(told(), 'n1 n2 n3', 'it is no guest any more');
});

void test('a node that is linked stays heard when an older map does not name it', () => {
  const { nodes, told, mapIs } = heard(['n2']);
  nodes.linked(nodeId('n2'));
  mapIs(node('n1'));
  assert.equal(told(), 'n1 n2');
});

void test('a guest is heard for as long as it is linked', () => {
  const { nodes, told } = heard([]);
  nodes.linked(nodeId('n9'));
  nodes.unlinked(nodeId('n9'));
  assert.equal(told(), 'n1');
});

void test('a node that was removed is not heard, linked or not', () => {
  const { nodes, told, mapIs } = heard([]);
  nodes.linked(nodeId('n3'));
  mapIs(node('n1'), node('n3', 'removed'));
  assert.equal(told(), 'n1');
  nodes.linked(nodeId('n3'));
  assert.equal(told(), 'n1');
});
