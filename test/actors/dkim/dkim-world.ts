/** Keys of a domain that does not exist, a core that knows them, and two programs that check signatures. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { makeDkimKeys, makeKeyPair } from '../../../actors/dkim/key-pair.ts';
import { dkimRecordName, dkimRecordText, txtStrings } from '../../../actors/dkim/record.ts';
import type { NewDkimKey } from '../../../actors/local-domain/protocol.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';
import { findTool } from '../../support/tools.ts';

export const domain = 'example.org';
/** Past for whoever runs this: opendkim reads the machine's clock and takes no signature from the future. */
export const nowMs = Date.UTC(2025, 0, 28, 12);
export const keys = await makeDkimKeys(makeKeyPair, systemRandom, nowMs);

/** Answers `signingKeys` of `domain` with `keys`, of every other one with none; counts the questions. */
export function fakeCore(answer: (key: string) => readonly NewDkimKey[] = (key) => (key === domain ? keys : [])) {
  const asked: string[] = [];
  const query = (ref: { readonly key: string }): Promise<unknown> => {
    asked.push(ref.key);
    // A promise, so that what `answer` throws is a rejection.
    return Promise.resolve().then(() => ({ keys: answer(ref.key) }));
  };
  return { asked, core: { query } as unknown as CoreApi };
}

/** Name -> text of the records that the keys need. */
const records = new Map(keys.map((key) => [dkimRecordName(domain, key.selector), dkimRecordText(key)]));

/** `pass` or what mailauth says instead, for each signature. */
export async function mailauthSays(message: Buffer): Promise<string[]> {
  const resolver = (name: string): Promise<string[][]> => {
    const text = records.get(name);
    if (text === undefined) return Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
    return Promise.resolve([[...txtStrings(text)]]);
  };
  const { results } = await dkimVerify(message, { resolver, strict: true, curTime: new Date(nowMs + 1000) });
  return results.map(({ status }) => (status.result === 'pass' ? 'pass' : `${status.result}: ${status.comment}`));
}

/** One entry for each signature of the message: `pass rsa-sha256`, `fail …`. */
export async function opendkimSays(message: Buffer): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'ringpost-dkim-'));
  try {
    const [config, keyFile, mail] = ['conf', 'keys', 'mail.eml'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(keyFile, [...records].map(([name, text]) => `${name} ${text}\n`).join(''));
    await writeFile(config, `TestPublicKeys ${keyFile}\nMode v\n`);
    // As SMTP does: without a last line end its test mode sees no mail.
    await writeFile(
      mail,
      message.subarray(-2).toString() === '\r\n' ? message : Buffer.concat([message, Buffer.from('\r\n')]),
    );
    const opendkim = findTool('opendkim') ?? 'opendkim';
    const { stdout } = await promisify(execFile)(opendkim, ['-x', config, '-t', mail, '-v', '-v']);
    return [...stdout.matchAll(/dkim=(\w+) .*?header\.a=(\S+)/g)].map(
      ([, result, algorithm]) => `${result} ${algorithm}`,
    );
  } finally {
    await rm(directory, { recursive: true });
  }
}
