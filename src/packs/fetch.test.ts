import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PlatformError } from '../lib/errors.ts';
import { fetchPackages } from './fetch.ts';
import type { Recipe } from './recipes.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const keyring = join(fixtures, 'test-archive-key.gpg');
const server = 'sample-server_99.1-1_all.deb';

const recipe: Recipe = {
  engine: 'postgres',
  version: '99',
  suite: 'test',
  packages: ['sample-server'],
  programDirs: [],
  programs: [],
  modules: [],
  leaveOut: [],
};

type Fault = (path: string, body: Buffer, response: ServerResponse) => boolean;

/** A small signed archive over HTTP; `fault` answers instead of it where it returns true. */
async function mirror() {
  const asked: string[] = [];
  const state: { fault: Fault } = { fault: () => false };
  const http = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const path = decodeURIComponent(request.url ?? '');
    asked.push(path);
    const body = await readFile(join(fixtures, 'archive', path)).catch(() => undefined);
    if (body === undefined) return response.writeHead(404).end();
    if (!state.fault(path, body, response))
      response.writeHead(200, { 'content-length': body.length }).end(body);
  });
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
  const directory = await mkdtemp(join(tmpdir(), 'mooring-packs-'));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    ...{ asked, state, url, directory },
    fetch: () => fetchPackages(recipe, { directory, mirror: url, keyring }),
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((closed) => http.close(closed));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function failureOf(work: Promise<unknown>): Promise<PlatformError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PlatformError, `a PlatformError was expected, not ${error}`);
  return error;
}

test('packages are fetched with what they depend on, except what is never run', async () => {
  await using archive = await mirror();
  const { files, archives } = await archive.fetch();
  assert.deepEqual(files.map((file) => `${file.name} ${file.version}`).sort(), [
    'sample-library 2:1.0-1',
    'sample-server 99.1-1',
  ]);
  for (const { file } of files) assert.ok(existsSync(join(archives, file)));
});

test('a mirror that refuses half-way says what is missing, what is kept and how to supply it, and is resumed', async () => {
  await using archive = await mirror();
  archive.state.fault = (path, _body, response) => {
    if (!path.endsWith(server)) return false;
    response.writeHead(503).end();
    return true;
  };
  const error = await failureOf(archive.fetch());
  assert.equal(error.kind, 'unavailable');
  assert.match(error.publicMessage, /Missing: 1 of 2 packages \(sample-server\)/);
  assert.match(error.publicMessage, /Kept: 1 packages that are verified/);
  assert.match(error.hint ?? '', /MOORING_DEBIAN_MIRROR=.*MOORING_PACKS=/);

  archive.state.fault = () => false;
  archive.asked.length = 0;
  await archive.fetch();
  const fetched = archive.asked.filter((path) => path.endsWith('.deb'));
  assert.deepEqual(fetched, [`/pool/${server}`], 'what was kept is not fetched again');
});

test('a body that ends early is an error that keeps what came, and the next attempt asks for the rest', async () => {
  await using archive = await mirror();
  archive.state.fault = (path, body, response) => {
    if (!path.endsWith(server)) return false;
    response.writeHead(200, { 'content-length': body.length, 'last-modified': new Date(0).toUTCString() });
    response.write(body.subarray(0, 9_000), () => response.destroy());
    return true;
  };
  const error = await failureOf(archive.fetch());
  assert.equal(error.kind, 'unavailable');
  assert.match(error.publicMessage, /sample-server/);
  archive.state.fault = () => false;
  const { files } = await archive.fetch();
  assert.equal(files.length, 2);
});

test('a package whose content is not what the signed index says is never accepted', async () => {
  await using archive = await mirror();
  archive.state.fault = (path, body, response) => {
    if (!path.endsWith(server)) return false;
    response.end(Buffer.concat([body.subarray(0, -1), Buffer.from([(body.at(-1) ?? 0) ^ 1])]));
    return true;
  };
  const error = await failureOf(archive.fetch());
  assert.match(error.publicMessage, /Hash Sum mismatch/);
  const times = archive.asked.filter((path) => path.endsWith(server)).length;
  assert.ok(times >= 2, 'a damaged package is fetched once more before giving up');
});

test('a cached package with a wrong hash is removed and fetched again', async () => {
  await using archive = await mirror();
  const { archives } = await archive.fetch();
  const right = await readFile(join(archives, server));
  await writeFile(join(archives, server), Buffer.alloc(right.length, 7));
  await archive.fetch();
  assert.deepEqual(await readFile(join(archives, server)), right);
});

test('an index that another key has signed is refused', async () => {
  await using archive = await mirror();
  const theirs = join(import.meta.dirname, 'debian-archive-keys.gpg');
  const error = await failureOf(
    fetchPackages(recipe, { directory: archive.directory, mirror: archive.url, keyring: theirs }),
  );
  assert.match(error.publicMessage, /signed index.*(NO_PUBKEY|not signed|verif|Missing key)/s);
  assert.equal(archive.asked.filter((path) => path.endsWith('.deb')).length, 0);
});

test('an index that was changed after signing is refused', async () => {
  await using archive = await mirror();
  archive.state.fault = (path, body, response) => {
    if (!path.endsWith('/Packages')) return false;
    response.end(Buffer.from(body.toString().replaceAll('99.1-1', '99.2-1')));
    return true;
  };
  assert.match((await failureOf(archive.fetch())).publicMessage, /signed index/);
});

test('without a network the error names the ways to supply a pack', async () => {
  const archive = await mirror();
  const { url, directory } = archive;
  await archive[Symbol.asyncDispose]();
  const error = await failureOf(fetchPackages(recipe, { directory, mirror: url, keyring }));
  await rm(directory, { recursive: true, force: true });
  assert.equal(error.kind, 'unavailable');
  assert.match(error.publicMessage, /Connection refused|connect/i);
  assert.match(error.hint ?? '', /run the same command again/);
});

test('a directory that cannot be written is an error, not a crash', async () => {
  await using archive = await mirror();
  const file = join(archive.directory, 'file');
  await appendFile(file, '');
  const error = await failureOf(fetchPackages(recipe, { directory: file, mirror: archive.url, keyring }));
  assert.match(error.publicMessage, /ENOTDIR|not a directory/);
});
