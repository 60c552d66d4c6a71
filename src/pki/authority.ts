/**
 * The platform's own certificate authority: made at the first start, kept in the data directory.
 *
 * Agents, controller, forwarders and database servers know each other by certificates of this
 * authority. Everything is P-256: small, fast to make, and accepted by OpenSSL, MySQL, PostgreSQL and
 * Node alike. The key is written before the certificate, each by rename, so that a crash between the
 * two leaves a key without a certificate, for which the next start makes one.
 */
import 'reflect-metadata';
import { type webcrypto as nodeCrypto, randomBytes, webcrypto } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { codeOf, PlatformError } from '../lib/errors.ts';
import { writeFileAtomic } from '../os/files.ts';

export type CertificateRequest = {
  /** The instance's or the process's name, like orders-1. */
  commonName: string;
  /** IP addresses and host names under which it is reached; localhost is always among them. */
  addresses: string[];
  /** Days until it expires; two years when absent. */
  days?: number;
};

export type IssuedCertificate = { certPem: string; keyPem: string; caPem: string };

export type Authority = {
  caPem: string;
  /** A new key and a certificate for server and client use alike. */
  issue(request: CertificateRequest): Promise<IssuedCertificate>;
};

type KeyPair = { privateKey: nodeCrypto.CryptoKey; publicKey: nodeCrypto.CryptoKey };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signing = { name: 'ECDSA', hash: 'SHA-256' } as const;
const dayMs = 24 * 60 * 60 * 1000;
const authorityDays = 3650;
const leafDays = 730;
/** Certificates are valid from an hour ago, so that hosts whose clocks differ a little accept them. */
const clockSkewMs = 60 * 60 * 1000;

/** Opens the authority kept in `directory`, or makes it when there is none. */
export async function openAuthority(directory: string): Promise<Authority> {
  const keyFile = join(directory, 'ca.key');
  const certFile = join(directory, 'ca.crt');
  await mkdir(directory, { recursive: true, mode: 0o700 });

  let keyPem = await readIfThere(keyFile);
  let caPem = await readIfThere(certFile);
  if (keyPem === undefined && caPem !== undefined) {
    throw new PlatformError('refused', `The platform's certificate authority has lost its key ${keyFile}`, {
      hint: `Put ca.key back from a backup of ${directory}; without it no agent can be reached`,
    });
  }
  if (keyPem === undefined) {
    keyPem = await exportKey((await generateKeys()).privateKey);
    await writeFileAtomic(keyFile, keyPem, { durable: true });
  }
  const keys = await importKeys(keyPem, keyFile);
  if (caPem === undefined) {
    caPem = await selfSign(keys);
    await writeFileAtomic(certFile, caPem, { durable: true });
  }
  const ca = new x509.X509Certificate(caPem);
  if (!(await ca.verify({ publicKey: keys.publicKey }, webcrypto))) {
    throw new PlatformError('refused', `The key ${keyFile} does not belong to the certificate ${certFile}`, {
      hint: `Put both files back from the same backup of ${directory}`,
    });
  }
  return { caPem, issue: (request) => issue(ca, caPem, keys, request) };
}

async function selfSign(keys: KeyPair): Promise<string> {
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: [{ CN: ['Mooring platform CA'] }, { O: ['Mooring'] }],
      notBefore: new Date(now - clockSkewMs),
      notAfter: new Date(now + authorityDays * dayMs),
      signingAlgorithm: signing,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return pem(certificate);
}

async function issue(
  ca: x509.X509Certificate,
  caPem: string,
  caKeys: KeyPair,
  request: CertificateRequest,
): Promise<IssuedCertificate> {
  const keys = await generateKeys();
  const now = Date.now();
  const addresses = [...new Set(['localhost', '127.0.0.1', ...request.addresses])];
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: [{ CN: [request.commonName] }],
      issuer: ca.subject,
      notBefore: new Date(now - clockSkewMs),
      // A leaf that outlives its authority is refused by some verifiers and helps nobody.
      notAfter: new Date(Math.min(now + (request.days ?? leafDays) * dayMs, ca.notAfter.getTime())),
      signingAlgorithm: signing,
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.serverAuth,
          x509.ExtendedKeyUsage.clientAuth,
        ]),
        new x509.SubjectAlternativeNameExtension(
          addresses.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const),
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certPem: pem(certificate), keyPem: await exportKey(keys.privateKey), caPem };
}

async function generateKeys(): Promise<KeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as KeyPair;
}

async function importKeys(keyPem: string, file: string): Promise<KeyPair> {
  try {
    const der = x509.PemConverter.decodeFirst(keyPem);
    const privateKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']);
    const { d: _secret, ...jwk } = await webcrypto.subtle.exportKey('jwk', privateKey);
    const publicJwk = { ...jwk, key_ops: ['verify'] };
    const publicKey = await webcrypto.subtle.importKey('jwk', publicJwk, algorithm, true, ['verify']);
    return { privateKey, publicKey };
  } catch (cause) {
    throw new PlatformError('refused', `The file ${file} does not hold the authority's private key`, {
      hint: `Put it back from a backup of ${dirname(file)}`,
      cause,
    });
  }
}

async function exportKey(key: nodeCrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`;
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

/** 127 random bits, positive: RFC 5280 wants a positive number of at most 20 bytes. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
