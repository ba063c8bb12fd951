/**
 * Cuts off clients that hold a session without using it: silence, commands that never end, mail in drips, replies that
 * are not read. One timer for all sessions, since a timer each would cost more than the sessions do.
 */
import type { Edge } from './dialogue.ts';
import { replies } from './replies.ts';
import type { SmtpSession } from './session.ts';

/** How often a session is looked at while its patience runs: it is cut off at most this part too late. */
const looksPerSilence = 12;

/** Returns a function that ends it. */
export function watchSessions(edge: Edge, sessions: () => Iterable<SmtpSession>): () => void {
  const everyMs = Math.max(1, Math.floor(edge.limits.silenceMsMax / looksPerSilence));
  let cancel = (): void => {};
  const look = (): void => {
    const nowMs = edge.clock.monotonicMs();
    for (const session of sessions()) {
      if (isPatienceSpent(session, edge, nowMs)) session.end(replies.tooSlow);
    }
    cancel = edge.clock.after(everyMs, look);
  };
  cancel = edge.clock.after(everyMs, look);
  return () => cancel();
}

function isPatienceSpent(session: SmtpSession, { limits }: Edge, nowMs: number): boolean {
  // While it is we who keep the client waiting, it owes nothing.
  if (session.isWaiting) return false;
  if (!session.isReceiving) return nowMs - session.progressMs >= limits.silenceMsMax;
  const measuredMs = nowMs - session.dataMeasuredMs;
  if (measuredMs < limits.silenceMsMax) return false;
  const bytes = session.receivedBytes - session.dataMeasuredBytes;
  session.dataMeasuredMs = nowMs;
  session.dataMeasuredBytes = session.receivedBytes;
  return bytes < (limits.dataBytesPerSecondMin * measuredMs) / 1000;
}
