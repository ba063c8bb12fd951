/**
 * AUTH (RFC 4954) with PLAIN (RFC 4616) and LOGIN, which some programs know only: who speaks, before MAIL.
 *
 * Promises: no password is asked for, or taken, where it can be overheard; a failure says nothing of why.
 * Leaves to others: the password (`account/authenticate.ts`).
 */
import { OperationError } from '../../../runtime/base/errors.ts';
import { InvariantError } from '../../../runtime/base/invariant.ts';
import { authenticate } from '../../account/authenticate.ts';
import type { Dialogue, Verb } from './dialogue.ts';
import { type Reply, replies } from './replies.ts';

interface Names {
  readonly login: string;
  readonly password: string;
}

type Mechanism = (dialogue: Dialogue, initial: string | null) => void;

const mechanisms: ReadonlyMap<string, Mechanism> = new Map<string, Mechanism>([
  ['PLAIN', plain],
  ['LOGIN', login],
]);

export const authVerb: Verb = {
  needs: 'nothing',
  run(dialogue, argument) {
    const problem = beginProblem(dialogue);
    if (problem !== null) return dialogue.reply(problem);
    const [name = '', initial = null, ...rest] = argument.split(/ +/);
    if (name === '' || rest.length > 0) return dialogue.reply(replies.authSyntax);
    const mechanism = mechanisms.get(name.toUpperCase());
    if (mechanism === undefined) return dialogue.reply(replies.unknownMechanism);
    mechanism(dialogue, initial);
  },
};

function beginProblem({ role, heloName, account, takesPasswords }: Dialogue): Reply | null {
  if (role !== 'submission') return replies.noAuthHere;
  if (heloName === null) return replies.greetFirst;
  // Which also keeps it out of mails (RFC 4954 §4): those come after it.
  if (account !== null) return replies.loggedInAlready;
  return takesPasswords ? null : replies.authNeedsTls;
}

/** RFC 4616 §2: authorization identity, authentication identity, password, NUL between them. */
function plain(dialogue: Dialogue, initial: string | null): void {
  withResponse(dialogue, initial, '', (response) => {
    const [authorization, name, password, ...rest] = response.split('\0');
    if (!name || !password || rest.length > 0) return dialogue.reply(replies.badCredentials);
    // To act for another account is nothing that we grant.
    const isSelf = authorization === '' || authorization?.toLowerCase() === name.toLowerCase();
    if (!isSelf) return dialogue.reply(replies.badCredentials);
    check(dialogue, { login: name, password });
  });
}

function login(dialogue: Dialogue, initial: string | null): void {
  withResponse(dialogue, initial, 'Username:', (name) => {
    withResponse(dialogue, null, 'Password:', (password) => check(dialogue, { login: name, password }));
  });
}

/** @param initial RFC 4954 §4: the response that came with the command; `=` is an empty one */
function withResponse(
  dialogue: Dialogue,
  initial: string | null,
  challenge: string,
  take: (response: string) => void,
): void {
  const decode = (line: string): void => {
    if (line === '*') return dialogue.reply(replies.authCancelled);
    const response = decodeBase64(line);
    if (response === null) dialogue.reply(replies.notBase64);
    else take(response);
  };
  if (initial !== null) decode(initial === '=' ? '' : initial);
  else dialogue.askLine(Buffer.from(challenge).toString('base64'), decode);
}

/** Null when it is none, blanks and missing `=` included. */
function decodeBase64(text: string): string | null {
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  return isBase64 ? Buffer.from(text, 'base64').toString('utf8') : null;
}

function check(dialogue: Dialogue, names: Names): void {
  const { core, throttle, log } = dialogue.edge;
  const reply = dialogue.replyLater();
  authenticate(core, { ...names, scope: 'submit', clientAddress: dialogue.clientAddress }, throttle).then(
    (answer) => {
      if (answer.kind === 'authenticated') {
        dialogue.account = answer;
        reply(replies.loggedIn);
      } else if (answer.kind === 'refused') {
        log.info({ client: dialogue.clientAddress, trace: dialogue.trace }, 'a log-in failed');
        reply(replies.badCredentials);
      } else {
        reply(replies.tooManyLogins);
        dialogue.close();
      }
    },
    (error: unknown) => {
      if (error instanceof InvariantError) throw error;
      if (!(error instanceof OperationError)) log.error({ err: error, trace: dialogue.trace }, 'a log-in broke');
      reply(replies.cannotLogIn);
    },
  );
}
