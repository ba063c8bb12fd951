/** Each npm package has one home: a file that wraps it, or a folder whose purpose it is. */
import { codeFiles, isIn } from './repository.ts';
import type { Finding, Rule } from './rule.ts';
import { importsOf } from './syntax.ts';

/** Package -> the file or folder (with a closing `/`) that may import it. Tests and benchmarks may import any of these. */
const homes: Readonly<Record<string, string | readonly string[]>> = {
  '@hono/node-server': 'actors/edge/http/',
  '@hono/zod-openapi': 'actors/edge/http/v1/',
  '@node-rs/argon2': 'actors/account/password.ts',
  // One for what mail clients see and nobody checks, one for the CA of the cluster: strangers to each other.
  '@peculiar/x509': ['runtime/lifecycle/self-signed.ts', 'cluster/identity/certificate-making.ts'],
  comlink: 'runtime/threads/',
  commander: 'runtime/cli/',
  hashring: 'cluster/placement/ring.ts',
  hono: 'actors/edge/http/',
  lmdb: 'runtime/store/lmdb-store.ts',
  mailauth: 'actors/dkim/signature.ts',
  msgpackr: 'runtime/codec/codec.ts',
  // The courier speaks by its SMTP client; mails of parts are made with its composer.
  nodemailer: ['actors/courier/', 'actors/mail/compose.ts'],
  'ordered-binary': 'runtime/store/keys.ts',
  pino: 'runtime/observe/',
  'postal-mime': 'actors/mail/',
  'prom-client': 'runtime/observe/',
  'reflect-metadata': ['runtime/lifecycle/self-signed.ts', 'cluster/identity/certificate-making.ts'],
  'smol-toml': 'runtime/config/',
  'smtp-server': 'actors/edge/smtp/',
  ws: 'cluster/mesh/lane-socket.ts',
  // Vocabulary rather than a part that could be changed: a schema stands beside what it checks, at each way in.
  zod: ['runtime/config/', 'runtime/cli/', 'actors/admin/'],
  // For tests only.
  'dns-packet': 'test/',
  'fast-check': 'test/',
  'oxc-parser': 'test/tidy/syntax.ts',
};

export const packageHomes: Rule = {
  claim: 'each npm package is imported at its home alone',
  cure: 'import our wrapper of it; a new package (or a home that moved) is a row in test/tidy/package-homes.ts',
  find(repository) {
    return codeFiles(repository).flatMap((file) =>
      importsOf(file).flatMap(({ specifier, line }): Finding[] => {
        if (specifier.startsWith('.') || specifier.startsWith('node:')) return [];
        const name = packageName(specifier);
        const home = homes[name];
        if (home === undefined) return [{ path: file.path, line, what: `imports ${name}, which has no home yet` }];
        const places = [home].flat();
        const isHome = places.some((place) => isIn(file.path, place)) || /^(test|bench)\//.test(file.path);
        return isHome ? [] : [{ path: file.path, line, what: `imports ${name}, whose home is ${places.join(', ')}` }];
      }),
    );
  },
};

/** `@scope/name/inner/path` -> `@scope/name`. */
function packageName(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}
