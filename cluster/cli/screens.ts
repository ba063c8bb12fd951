/**
 * The screens of `ringpost cluster …`, and what they are for scripts.
 *
 * Promises: pure; text of other nodes is made safe for a terminal; a screen of a large cluster is still one screen.
 */
import { formatCount, formatTime, safeText } from '../../runtime/cli/units.ts';
import type { ClusterReport } from '../report.ts';
import { type ClusterFacts, factsOf, livesHere, type MemberFact, type ShardFact, type ShardState } from './facts.ts';
import { formatMoment, formatSpan, growthOf, inWords, plainWords, type Problem, problemsOf } from './problems.ts';

/** Rows of shards that are not as they should be; all of them with --all. */
const oddShardsShownMax = 20;

// ---- for scripts ---------------------------------------------------------------------------------------------------

export function statusJson(report: ClusterReport) {
  const facts = factsOf(report);
  return {
    clusterId: report.clusterId,
    generation: report.generation,
    self: report.self.id,
    version: report.map?.version ?? null,
    nodes: membersJson(facts),
    shards: facts.sum,
    goal: facts.goal,
    metadata: shardJson(facts.metadata),
    takeovers: report.takeovers.map(({ atMs, ...rest }) => ({ ...rest, at: formatTime(atMs) })),
    problems: problemsOf(facts),
    says: plainWords(facts),
  };
}

export function membersJson({ members }: ClusterFacts) {
  return members.map(({ sinceMs, lastRefusal, ...member }) => ({
    ...member,
    since: sinceMs === null ? null : formatTime(sinceMs),
    lastRefusal: lastRefusal === null ? null : refusalJson(lastRefusal),
  }));
}

function refusalJson({ atMs, code, text }: NonNullable<MemberFact['lastRefusal']>) {
  return { at: formatTime(atMs), code, text };
}

/** The metadata group's shard is the last one. */
export function shardsJson({ shards, metadata }: ClusterFacts) {
  return [...shards, metadata].map(shardJson);
}

function shardJson({ shard, leader, term, voters, learners, desired, committed, copies, isServed, state }: ShardFact) {
  return { shard, leader, term, voters, learners, desired, committed, copies, isServed, state };
}

export function leadersJson({ shards, metadata }: ClusterFacts) {
  return [...shards, metadata].map(({ shard, leader, term, voters }) => ({ shard, leader, term, voters }));
}

// ---- for people ----------------------------------------------------------------------------------------------------

export function statusScreen(report: ClusterReport): string {
  const facts = factsOf(report);
  const problems = problemsOf(facts);
  const { metadata } = facts;
  const growth = growthOf(facts);
  return [
    `cluster ${report.clusterId} · ${aliveOf(facts)} · ${verdict(problems)}`,
    ...memberLines(facts),
    `  shards    ${shardsLine(facts)}`,
    ...(growth === null ? [] : [`  growing   ${growth}`]),
    `  metadata  ${metadata.leader === null ? 'no leader' : `led by ${metadata.leader}`} · votes ${listOf(metadata.voters)}`,
    ...plainWords(facts).map((line) => `  ${line}`),
    ...problemLines(problems),
  ]
    .map((line) => safeText(line))
    .join('\n');
}

/** The cluster in `ringpost status`: one or two lines, and what is wrong with it, in the words of that screen. */
export function clusterSummary(report: ClusterReport) {
  const facts = factsOf(report);
  const growth = growthOf(facts);
  const lines = [
    `${aliveOf(facts)} · ${shardsLine(facts)}`,
    ...(growth === null ? [] : [growth]),
    ...(facts.members.filter(livesHere).length > 2 ? [] : plainWords(facts).slice(0, 1)),
  ];
  return {
    lines: lines.map((line) => safeText(line)),
    problems: problemsOf(facts).map(({ text, cure }) => ({ what: safeText(text), cure: safeText(cure) })),
  };
}

export function leadersScreen(facts: ClusterFacts): string {
  const { members, shards, metadata, sum } = facts;
  const none = shards.filter(({ leader }) => leader === null);
  const led = members.filter(livesHere).map(({ id, leads }): string[] => {
    const theirs = shards.filter(({ leader }) => leader === id).map(({ shard }) => shard);
    return [id, formatCount(leads), rangesOf(theirs)];
  });
  const rest =
    none.length === 0 ? [] : [['(nobody)', formatCount(none.length), rangesOf(none.map(({ shard }) => shard))]];
  return [
    `${formatCount(sum.served)} of ${formatCount(sum.total)} shards are led; the metadata by ${metadata.leader ?? 'nobody'}`,
    ...tableOf(['NODE', 'LEADS', 'SHARDS'], [...led, ...rest], ['left', 'right', 'left']),
  ].join('\n');
}

export function shardsScreen(facts: ClusterFacts, isAll: boolean): string {
  const all = [...facts.shards, facts.metadata];
  const odd = all.filter(({ state }) => state !== 'ok');
  const shown = isAll ? all : odd.slice(0, oddShardsShownMax);
  const counts = new Map<ShardState, number>();
  for (const { state } of facts.shards) counts.set(state, (counts.get(state) ?? 0) + 1);
  const summary = [...counts].map(([state, count]) => `${formatCount(count)} ${state}`).join(' · ');
  const rows = shown.map((fact) => shardCells(fact, facts.report.shardCount));
  const left = odd.length - shown.length;
  return [
    `${formatCount(facts.sum.total)} shards: ${summary}`,
    ...(rows.length === 0 ? ['Each has its leader and its copies. All of them: ringpost cluster shards --all'] : []),
    ...(rows.length === 0
      ? []
      : tableOf(shardTitles, rows, ['left', 'left', 'right', 'left', 'left', 'left', 'right', 'left'])),
    ...(isAll || left <= 0 ? [] : [`${formatCount(left)} more: ringpost cluster shards --all`]),
  ].join('\n');
}

const shardTitles = ['SHARD', 'LEADER', 'TERM', 'VOTERS', 'LEARNERS', 'DESIRED', 'COMMITTED', 'STATE'];

function shardCells(
  { shard, leader, term, voters, learners, desired, committed, state }: ShardFact,
  count: number,
): string[] {
  return [
    shard === count ? `${shard} (metadata)` : String(shard),
    leader ?? '-',
    term === null ? '-' : String(term),
    listOf(voters),
    listOf(learners),
    listOf(desired),
    committed === null ? '-' : String(committed),
    state,
  ];
}

export function membersScreen(facts: ClusterFacts): string {
  const { nowMs } = facts.report;
  const rows = facts.members.map((member): string[] => [
    member.id,
    member.state,
    lifeOf(member, nowMs),
    member.address ?? '-',
    member.zone || '-',
    member.host || '-',
    member.version ?? '-',
    member.incarnation === null ? '-' : String(member.incarnation),
    formatCount(member.leads),
    formatCount(member.replicas),
    clockOf(member),
  ]);
  const titles = ['NODE', 'STATE', 'LIFE', 'ADDRESS', 'ZONE', 'HOST', 'VERSION', 'STARTS', 'LEADS', 'COPIES', 'CLOCK'];
  const right = new Set(['STARTS', 'LEADS', 'COPIES', 'CLOCK']);
  const aligns = titles.map((title) => (right.has(title) ? ('right' as const) : ('left' as const)));
  const refusals = facts.members.flatMap(({ id, lastRefusal }) =>
    lastRefusal === null ? [] : [`! ${id} turned away ${formatMoment(lastRefusal.atMs, nowMs)}: ${lastRefusal.text}`],
  );
  return [...tableOf(titles, rows, aligns), ...refusals].map((line) => safeText(line)).join('\n');
}

// ---- lines ---------------------------------------------------------------------------------------------------------

function aliveOf({ members }: ClusterFacts): string {
  const nodes = members.filter(livesHere);
  const alive = nodes.filter((member) => member.alive).length;
  return `${alive} of ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'} alive`;
}

const verdict = (problems: readonly Problem[]): string =>
  problems.length === 0 ? 'all is well' : problems.length === 1 ? '1 problem' : `${problems.length} problems`;

function shardsLine({ sum }: ClusterFacts): string {
  const copies = Object.entries(sum.copies)
    .sort(([a], [b]) => b.localeCompare(a, 'en', { numeric: true }))
    .map(([count, shards]) => `${formatCount(shards)} with ${copiesWord(count)}`);
  return `${formatCount(sum.served)} of ${formatCount(sum.total)} served · ${copies.join(' · ')}`;
}

const copiesWord = (count: string): string =>
  count === '?' ? 'copies elsewhere' : `${inWords(Number(count))} ${count === '1' ? 'copy' : 'copies'}`;

function memberLines({ members, report }: ClusterFacts): string[] {
  const rows = members
    .filter(livesHere)
    .map((member) => [
      member.id,
      member.isSelf ? 'this node' : lifeOf(member, report.nowMs),
      member.address ?? '-',
      `leads ${formatCount(member.leads)}`,
      `copies ${formatCount(member.replicas)}`,
    ]);
  return tableOf(null, rows, ['left', 'left', 'left', 'left', 'left']).map((line) => `  ${line}`);
}

function lifeOf({ alive, state, sinceMs, isSelf }: MemberFact, nowMs: number): string {
  if (isSelf) return 'alive';
  if (state === 'admitted') return 'not started yet';
  if (state === 'removed') return '-';
  const since = sinceMs === null ? '' : ` since ${formatMoment(sinceMs, nowMs)}`;
  return alive ? `alive${since}` : sinceMs === null ? 'not heard' : `dead${since}`;
}

function clockOf({ clockAheadMs, isSelf }: MemberFact): string {
  if (isSelf) return '0.0 s';
  if (clockAheadMs === null) return '-';
  return `${clockAheadMs < 0 ? '-' : '+'}${formatSpan(Math.abs(clockAheadMs))}`;
}

const problemLines = (problems: readonly Problem[]): string[] =>
  problems.flatMap(({ text, cure }) => ['', `! ${text}`, `  cure: ${cure}`]);

const listOf = (nodes: readonly string[] | null): string => (nodes === null ? '?' : nodes.join(' ') || '-');

const rangesMax = 12;

/** `0-3 7 9-12 …`: as much of it as a line takes. */
export function rangesOf(numbers: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const open = ranges.at(-1);
    if (open?.last === number - 1) open.last = number;
    else ranges.push({ first: number, last: number });
  }
  const shown = ranges.slice(0, rangesMax).map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
  return [...shown, ...(ranges.length > rangesMax ? ['…'] : [])].join(' ') || '-';
}

function tableOf(
  titles: readonly string[] | null,
  rows: readonly (readonly string[])[],
  aligns: readonly ('left' | 'right')[],
): string[] {
  const all = titles === null ? rows : [titles, ...rows];
  const widths = aligns.map((_, i) => all.reduce((width, cells) => Math.max(width, cells[i]?.length ?? 0), 0));
  return all.map((cells) =>
    cells
      .map((cell, i) => (aligns[i] === 'right' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
