/** An actor is known by its protocol file alone (style, rule 7). */
import { productFiles } from './repository.ts';
import type { Finding, Rule } from './rule.ts';
import { importsOf } from './syntax.ts';

/** Folders of actors/ that are no actor; every other one is. */
const notAnActor: ReadonlyMap<string, string> = new Map([
  ['mail', 'vocabulary, for all to use'],
  ['edge', 'the protocol servers at the doors'],
  ['admin', 'the tables of the admin API and the command line: for the edge that serves them and for main'],
  ['inspect', 'the stage between DATA and commit'],
  ['courier', 'the outbound SMTP client'],
  ['dkim', 'signatures: for whoever hands in a mail, in its own thread'],
  ['routing', 'where a mail goes and the one commit that takes it: for edges, and for whoever writes a mail'],
]);

/** What stands in front of the actors and asks them; no actor and no vocabulary may know it. */
const doorsteps = ['edge', 'admin', 'courier'];

/** Beside its protocol: files of an actor that an edge or another doorstep may import, with the reason. */
const openToEdges: ReadonlyMap<string, string> = new Map([
  [
    'actors/account/password.ts',
    'a hash takes longer than a turn may, so whoever asks makes it; how, stands in one place',
  ],
  ['actors/delivery-domain/policy.ts', 'what the settings say, for the courier, which brings it to the queue'],
  ['actors/account/authenticate.ts', 'one way in for all edges'],
  ['actors/account/authenticate-token.ts', 'the way in for who brings an API token'],
  ['actors/account/token.ts', 'the text of a token: whoever makes one or is shown one needs its form'],
  ['actors/account/login-throttle.ts', 'each thread with log-ins has one'],
]);

export const actorWalls: Rule = {
  claim: "an actor's protocol.ts is all that others import of it",
  cure: 'move what others need into protocol.ts, or what all share into actors/mail/; ask or tell the actor otherwise',
  find(repository) {
    return productFiles(repository).flatMap((file) =>
      importsOf(file).flatMap(({ target, line }): Finding[] => {
        const what = target === null ? null : brokenWall(file.path, target);
        return what === null ? [] : [{ path: file.path, line, what }];
      }),
    );
  },
};

function brokenWall(from: string, to: string): string | null {
  // The table of kinds and the composition root put the actors together.
  if (from === 'actors/kinds.ts' || from === 'runtime/main.ts') return null;
  const [here, there] = [actorsFolder(from), actorsFolder(to)];
  if (there === null || here === there) return null;
  if (here !== null && doorsteps.includes(there) && !doorsteps.includes(here)) {
    return `actors/${here} imports ${to}: nothing in actors/ looks out of its doors`;
  }
  if (here === 'mail') return `actors/mail imports ${to}: the vocabulary knows nobody`;
  const isOpen =
    notAnActor.has(there) ||
    to === `actors/${there}/protocol.ts` ||
    (here !== null && doorsteps.includes(here) && openToEdges.has(to));
  return isOpen ? null : `imports ${to}: only actors/${there}/protocol.ts is for others`;
}

function actorsFolder(path: string): string | null {
  return /^actors\/([^/]+)\//.exec(path)?.[1] ?? null;
}
