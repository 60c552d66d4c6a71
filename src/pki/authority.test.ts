import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect, createServer } from 'node:tls';
import { openAuthority } from './authority.ts';

describe('the platform authority', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mooring-pki-'));
  });
  after(() => rm(directory, { recursive: true }));

  it('is made once and opened again afterwards', async () => {
    const first = await openAuthority(directory);
    const second = await openAuthority(directory);
    assert.equal(second.caPem, first.caPem);
    assert.equal((await stat(join(directory, 'ca.key'))).mode & 0o777, 0o600);
  });

  it('makes the certificate again when a crash left only the key', async () => {
    await rm(join(directory, 'ca.crt'));
    const key = await readFile(join(directory, 'ca.key'), 'utf8');
    await openAuthority(directory);
    assert.equal(await readFile(join(directory, 'ca.key'), 'utf8'), key);
  });

  it('refuses to go on without the key of an existing certificate', async () => {
    const other = await mkdtemp(join(tmpdir(), 'mooring-pki-'));
    await writeFile(join(other, 'ca.crt'), (await openAuthority(directory)).caPem);
    await assert.rejects(openAuthority(other), /has lost its key/);
    await rm(other, { recursive: true });
  });

  it('issues certificates that OpenSSL accepts as server and as client', async () => {
    const authority = await openAuthority(directory);
    const issued = await authority.issue({ commonName: 'orders-1', addresses: ['127.20.1.1'] });
    const files = { ca: join(directory, 'a.crt'), cert: join(directory, 'b.crt') };
    await writeFile(files.ca, issued.caPem);
    await writeFile(files.cert, issued.certPem);
    for (const purpose of ['sslserver', 'sslclient']) {
      const said = execFileSync('openssl', [
        ...['verify', '-x509_strict', '-purpose', purpose],
        ...['-verify_ip', '127.20.1.1', '-CAfile', files.ca, files.cert],
      ]);
      assert.match(said.toString(), /OK/);
    }
  });

  it('issues certificates with which two Node processes trust each other', async () => {
    const authority = await openAuthority(directory);
    const [server, client] = await Promise.all([
      authority.issue({ commonName: 'orders-1', addresses: ['127.20.1.1'] }),
      authority.issue({ commonName: 'controller', addresses: [] }),
    ]);
    const listener = createServer(
      { cert: server.certPem, key: server.keyPem, ca: server.caPem, requestCert: true },
      (socket) => socket.end(String(socket.getPeerCertificate().subject.CN)),
    );
    await new Promise<void>((resolve) => listener.listen(0, '127.20.1.1', resolve));
    const port = (listener.address() as { port: number }).port;
    const socket = connect({
      host: '127.20.1.1',
      port,
      cert: client.certPem,
      key: client.keyPem,
      ca: client.caPem,
    });
    let said = '';
    for await (const chunk of socket) said += chunk;
    listener.close();
    assert.equal(said, 'controller');
  });

  it('issues four certificates in a moment', async () => {
    const authority = await openAuthority(directory);
    const issue = (n: number) => authority.issue({ commonName: `a-${n}`, addresses: ['127.20.1.1'] });
    await issue(0);
    const start = performance.now();
    await Promise.all([1, 2, 3, 4].map(issue));
    const ms = performance.now() - start;
    assert.ok(ms < 500, `took ${ms} ms`);
    console.log(`four certificates: ${ms.toFixed(1)} ms`);
  });
});
