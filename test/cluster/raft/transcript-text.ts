/** How a transcript words what a step did. */
import type { NodeId } from '../../../runtime/base/ids.ts';
import type { Configuration, Effects, Entry, Position, RaftMessage } from '../../../cluster/raft/protocol.ts';

export function effectsLines(node: NodeId, effects: Effects): string[] {
  const { hardState, truncateFrom, append, installing, committed, role, snapshotFor, refused } = effects;
  const lines: string[] = [];
  const say = (text: string): void => void lines.push(`${node} ${text}`);
  if (hardState !== null) say(`writes term ${hardState.term}, vote ${hardState.votedFor ?? 'none'}`);
  if (truncateFrom !== null) say(`truncates from ${truncateFrom}`);
  if (append.length > 0) say(`appends ${append.map(entryText).join(' ')}`);
  if (installing !== null) say(`begins a copy from ${installing.from} at ${placeText(installing.base)}`);
  if (committed !== null) say(`commits up to ${committed}`);
  if (role !== null) {
    const leader = role.leader === null ? 'no leader' : `leader ${role.leader}`;
    say(`is ${role.role} in term ${role.term}, ${leader}${role.serves ? ', serves' : ''}`);
  }
  for (const { token, index } of effects.reads) say(`answers read ${token} at ${index}`);
  for (const token of effects.readsLost) say(`loses read ${token}`);
  if (snapshotFor !== null) say(`has a snapshot to send to ${snapshotFor.to} at ${placeText(snapshotFor.base)}`);
  if (refused !== null) say(`refuses ${refused.event}: ${refused.reason}`);
  for (const { to, message, waits } of effects.messages) {
    lines.push(`  ${node} -> ${to} ${messageText(message)}${waits ? ' (after fsync)' : ''}`);
  }
  return lines;
}

export function messageText(message: RaftMessage): string {
  const { kind, term } = message;
  switch (message.kind) {
    case 'append': {
      const entries = message.entries.length === 0 ? 'nothing' : message.entries.map(entryText).join(' ');
      return `${kind} t${term} behind ${placeText(message.previous)}: ${entries}; committed ${message.committed}`;
    }
    case 'appendAnswer': {
      const what = message.isTaken ? 'equal up to' : `refused ${message.refused}, look at`;
      return `${kind} t${term} ${what} ${placeText(message.at)}${message.isInstalling ? ', installing' : ''}`;
    }
    case 'preVote':
      return `${kind} t${term} last ${placeText(message.last)}`;
    case 'vote':
      return `${kind} t${term} last ${placeText(message.last)}${message.isTransfer ? ' for a transfer' : ''}`;
    case 'preVoteAnswer':
    case 'voteAnswer':
      return `${kind} t${term} ${message.isGranted ? 'yes' : 'no'}, last ${placeText(message.last)}`;
    case 'wake':
    case 'timeoutNow':
      return `${kind} t${term}`;
    case 'readProbe':
    case 'readAnswer':
      return `${kind} t${term} round ${message.round}`;
    case 'install':
      return `${kind} t${term} at ${placeText(message.base)}, ${configurationText(message.configuration)}`;
  }
}

export function placeText({ index, term }: Position): string {
  return `${index}/${term}`;
}

export function configurationText({ voters, learners, witness }: Configuration): string {
  const names = voters.map((voter) => (voter === witness ? `${voter}*` : voter));
  return `{${names.join(',')}${learners.length === 0 ? '' : `;${learners.join(',')}`}}`;
}

function entryText({ index, term, kind, configuration }: Entry): string {
  const what = kind === 'data' ? '' : kind === 'noop' ? ':noop' : `:${configurationText(configuration!)}`;
  return `${index}/${term}${what}`;
}
