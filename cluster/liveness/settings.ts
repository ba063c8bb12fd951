/** Every number of liveness, with its reason and its unit; that they agree with one another is asserted at start. */
import { invariant } from '../../runtime/base/invariant.ts';

export interface LivenessSettings {
  // ---- pings -----------------------------------------------------------------------------------------------------
  readonly pingEveryMs: number;
  /** Members up to which each is pinged in each round; above, so many random ones are, which keeps the load of 24. */
  readonly pingAllMembersMax: number;
  /** Without an answer for so long a peer is suspect: four pings, and well above a slow loop turn or a long GC. */
  readonly silenceMs: number;
  /** A gap between two events of our own that is time in which this node did not run: it is not held against others. */
  readonly unscheduledMs: number;
  /** Pings without an answer that are remembered of one peer. */
  readonly pingsWaitingMax: number;
  /** An answer that took longer says too little of a wall clock. */
  readonly roundTripMsMax: number;

  // ---- suspicion ends --------------------------------------------------------------------------------------------
  /** A peer that was suspected in this life must answer for so long first; doubles with each suspicion, up to the next. */
  readonly steadyMsMin: number;
  readonly steadyMsMax: number;
  /** Alive for so long, a peer's earlier suspicions are forgotten. */
  readonly flapsForgottenMs: number;

  // ---- who should lead -------------------------------------------------------------------------------------------
  /** A disk or a loop that keeps work waiting so long hangs: its node leads nothing. */
  readonly stallMs: number;
  /** An unfit leader has so long to hand over; then it counts as no leader, though it answers. */
  readonly handOverMs: number;
  /** A wall clock so far off the members' median would date entries wrongly. */
  readonly wallOffMsMax: number;
  /** Sound for so long, a node may lead again: a disk that hangs each other second does not throw leaders about. */
  readonly fitAfterMs: number;

  // ---- claims ----------------------------------------------------------------------------------------------------
  /** After a change of claims, an extra round of pings: an election's winner should be heard before the next rank moves. */
  readonly claimsSoonMs: number;
  /** Changes of claims that are remembered; a peer that lags further behind gets the whole. */
  readonly claimChangesMax: number;
  /** A living peer that does not bring its claims for so long counts as claiming nothing. */
  readonly evidenceMs: number;
  /** Groups are numbered below this. */
  readonly groupsMax: number;

  // ---- campaigns -------------------------------------------------------------------------------------------------
  /** Each living candidate that comes before in the preference list is worth so much patience. */
  readonly rankStepMs: number;
  /** Somebody else's election (a higher term, no leader yet) is left alone for so long. */
  readonly settleMs: number;
  /** A real candidacy (votes need an fsync at each voter) is not begun anew before; times 0.5 to 1.5 by chance. */
  readonly candidacyMs: number;
  /** Wait before the second campaign; doubles up to the next; times 0.5 to 1.5 by chance. */
  readonly retryMsMin: number;
  readonly retryMsMax: number;
}

export const livenessSettings: LivenessSettings = {
  pingEveryMs: 100,
  pingAllMembersMax: 24,
  silenceMs: 450,
  unscheduledMs: 150,
  pingsWaitingMax: 64,
  roundTripMsMax: 1_000,

  steadyMsMin: 300,
  steadyMsMax: 2_400,
  flapsForgottenMs: 30_000,

  stallMs: 1_500,
  handOverMs: 1_000,
  wallOffMsMax: 5_000,
  fitAfterMs: 5_000,

  claimsSoonMs: 10,
  claimChangesMax: 2_048,
  evidenceMs: 1_000,
  groupsMax: 16_384,

  rankStepMs: 150,
  settleMs: 300,
  candidacyMs: 600,
  retryMsMin: 150,
  retryMsMax: 5_000,
};

/** @throws InvariantError when two numbers contradict each other */
export function assertLivenessSettings(of: LivenessSettings): void {
  for (const [name, value] of Object.entries(of)) {
    invariant(Number.isSafeInteger(value) && value > 0, `liveness setting ${name} is a whole number above 0`);
  }
  invariant(of.pingEveryMs < of.unscheduledMs, 'an ordinary round is not taken for a pause of our own');
  invariant(of.unscheduledMs + of.pingEveryMs < of.silenceMs, 'a gap that is not discounted suspects nobody');
  invariant(of.silenceMs < of.evidenceMs, 'a peer that is gone is suspected before its claims are given up');
  invariant(of.pingsWaitingMax > of.silenceMs / of.claimsSoonMs, 'pings are remembered as long as silence is counted');
  invariant(of.claimsSoonMs < of.rankStepMs, 'a winner is heard before the next rank moves');
  invariant(of.steadyMsMin <= of.steadyMsMax && of.retryMsMin <= of.retryMsMax, 'waits grow');
}
