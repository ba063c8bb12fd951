/**
 * Tells couriers which delivery domains have work. What is announced while nobody listens (a courier that starts, or that
 * starts again) is told to the next one that does.
 */
export interface Announcements {
  watchAnnounced(kind: string, announced: (key: string) => void): () => void;
}

/** Keys that wait for a listener. What is beyond is announced again by the domain's own timer. */
const waitingMax = 200_000;

export function dueTopic(engine: Announcements, kind: string): (publish: (key: string) => void) => () => void {
  const listeners = new Set<(key: string) => void>();
  const waiting = new Set<string>();
  engine.watchAnnounced(kind, (key) => {
    for (const publish of listeners) publish(key);
    if (listeners.size === 0 && waiting.size < waitingMax) waiting.add(key);
  });
  return (publish) => {
    listeners.add(publish);
    for (const key of waiting) publish(key);
    waiting.clear();
    return () => void listeners.delete(publish);
  };
}
