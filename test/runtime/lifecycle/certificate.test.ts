import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, createServer } from 'node:tls';
import { systemRandom } from '../../../runtime/base/random.ts';
import { type CertificateOptions, openCertificate } from '../../../runtime/lifecycle/certificate.ts';
import { makeSelfSigned } from '../../../runtime/lifecycle/self-signed.ts';
import type { CertificatePem } from '../../../runtime/threads/control-channel.ts';
import { FakeClock } from '../../support/fake-clock.ts';

interface World {
  readonly options: CertificateOptions;
  readonly clock: FakeClock;
  readonly lines: string[];
  readonly changes: CertificatePem[];
  readonly directory: string;
}

async function world(t: TestContext): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'ringpost-tls-'));
  t.after(() => rm(directory, { recursive: true }));
  const clock = new FakeClock(Date.now());
  const lines: string[] = [];
  const changes: CertificatePem[] = [];
  const line = (_fields: unknown, text: string): void => void lines.push(text);
  const log = { info: line, warn: line, error: line };
  const changed = (pem: CertificatePem): void => void changes.push(pem);
  const options = { dataPath: directory, hostname: 'mail.example.org', clock, random: systemRandom, log, changed };
  return { options, clock, lines, changes, directory };
}

const make = (name: string, atMs = Date.now()): Promise<CertificatePem> => makeSelfSigned(name, atMs, systemRandom);

async function put(directory: string, pem: CertificatePem): Promise<{ certificate: string; key: string }> {
  const paths = { certificate: join(directory, 'c.pem'), key: join(directory, 'k.pem') };
  await writeFile(paths.certificate, pem.certificate);
  await writeFile(paths.key, pem.key);
  return paths;
}

void test('the first start makes a certificate for the host name, the second finds it', async (t) => {
  const { options, directory } = await world(t);
  const first = await openCertificate(options);
  first.close();
  const certificate = new X509Certificate(first.current.certificate);
  assert.equal(certificate.subjectAltName, 'DNS:mail.example.org');
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  const years = (first.facts.expiresMs - Date.now()) / (365.25 * 86_400_000);
  assert.ok(Math.abs(years - 10) < 0.01);
  assert.equal((await stat(join(directory, 'tls/key.pem'))).mode & 0o777, 0o600);
  assert.equal((await stat(join(directory, 'tls'))).mode & 0o777, 0o700);
  const second = await openCertificate(options);
  second.close();
  assert.deepEqual(second.current, first.current);
});

void test('a first start that was cut off between the two files makes both again', async (t) => {
  const { options, directory } = await world(t);
  (await openCertificate(options)).close();
  await rm(join(directory, 'tls/certificate.pem'));
  const again = await openCertificate(options);
  again.close();
  assert.equal(await readFile(join(directory, 'tls/key.pem'), 'utf8'), again.current.key);
});

void test('TLS works with the certificate of our own', async () => {
  const pem = await make('mail.example.org');
  const server = createServer({ key: pem.key, cert: pem.certificate }, (socket) => socket.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  const socket = connect({ port, host: '127.0.0.1', ca: pem.certificate, servername: 'mail.example.org' });
  const said = await new Promise<string>((resolve, reject) => {
    socket.on('data', (data) => resolve(data.toString())).on('error', reject);
  });
  assert.equal(said, 'hello');
  assert.equal(socket.authorized, true);
  socket.destroy();
  server.close();
});

void test('a configured pair is used; one that cannot be is a refusal to start', async (t) => {
  const { options, directory } = await world(t);
  const pem = await make('a.example.org');
  const configured = await put(directory, pem);
  const certificate = await openCertificate({ ...options, configured });
  assert.deepEqual(certificate.current, pem);
  certificate.close();
  const refused = { code: 'badCertificate', transient: false };
  await put(directory, { ...pem, key: (await make('b.example.org')).key });
  await assert.rejects(openCertificate({ ...options, configured }), { ...refused, message: /not that of/ });
  await put(directory, { ...pem, certificate: 'rubbish' });
  await assert.rejects(openCertificate({ ...options, configured }), { ...refused, message: /no PEM certificate/ });
  await rm(configured.key);
  await assert.rejects(openCertificate({ ...options, configured }), { ...refused, message: /cannot read/ });
});

void test('a new pair on disk comes into use; a bad one leaves the old in use and is logged once', async (t) => {
  const { options, directory, changes, lines } = await world(t);
  const old = await make('old.example.org');
  const configured = await put(directory, old);
  const certificate = await openCertificate({ ...options, configured });
  const next = await make('new.example.org');
  await writeFile(configured.certificate, next.certificate);
  await certificate.look();
  await certificate.look();
  assert.deepEqual(certificate.current, old);
  assert.deepEqual(lines, ['the new certificate cannot be used; the one before stays in use']);
  await writeFile(configured.key, next.key);
  await certificate.look();
  await certificate.look();
  assert.deepEqual(changes, [next]);
  assert.deepEqual(certificate.current, next);
  await rm(configured.key);
  await certificate.look();
  assert.deepEqual(certificate.current, next, 'a file that vanishes changes nothing');
  certificate.close();
});

void test('the files are looked at from time to time even if no watch says so', async (t) => {
  const { options, directory, clock } = await world(t);
  const configured = await put(directory, await make('old.example.org'));
  const found = Promise.withResolvers<CertificatePem>();
  const certificate = await openCertificate({ ...options, configured, changed: found.resolve });
  const next = await make('new.example.org');
  await put(directory, next);
  clock.advance(30_000);
  assert.deepEqual(await found.promise, next);
  certificate.close();
});

void test('a certificate that ends soon is warned of', async (t) => {
  const { options, directory, lines } = await world(t);
  const tenYearsMs = 10 * 365.25 * 86_400_000;
  const configured = await put(directory, await make('a.example.org', Date.now() - tenYearsMs + 86_400_000));
  (await openCertificate({ ...options, configured })).close();
  assert.deepEqual(lines, ['the certificate expires soon']);
});
