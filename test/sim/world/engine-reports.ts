/** What the engine reports, as far as the oracle cares. */
import type { EngineReports } from '../../../runtime/actor/engine.ts';
import type { NodeEvents } from './sim-node.ts';

export function engineReports(events: NodeEvents): EngineReports {
  return {
    bug: (what, error) => events.bug(what, error),
    turn: () => undefined,
    slow: () => undefined,
    noticeFailed(_kind, what, error, isDead) {
      if (isDead) events.bug(`dead letter: ${what}`, error);
    },
  };
}
