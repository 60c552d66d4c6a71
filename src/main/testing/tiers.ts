/** Which test files belong to which tier. */
import { type Dirent, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

export type TierName = 'unit' | 'engines' | 'platform';
export type Tier = { name: TierName; title: string; concurrency: number; timeoutMs: number; files: string[] };

const skippedDirectories = new Set(['node_modules', 'dist', '.moor', '.git']);

export function findTiers(checkout: string, processors: number, pattern?: string): Tier[] {
  const files = ['src', 'console/src', 'bench', 'test']
    .flatMap((directory) => testFiles(join(checkout, directory)))
    .map((path) => relative(checkout, path))
    .filter((path) => pattern === undefined || path.includes(pattern))
    .sort();
  const of = (name: TierName) => files.filter((path) => tierOf(path) === name);
  return [
    {
      name: 'unit',
      title: 'unit tests',
      concurrency: Math.max(2, processors),
      timeoutMs: 120_000,
      files: of('unit'),
    },
    { name: 'engines', title: 'engine tests', concurrency: 2, timeoutMs: 300_000, files: of('engines') },
    // One platform at a time: they measure time and share this machine's ports.
    {
      name: 'platform',
      title: 'whole-platform tests',
      concurrency: 1,
      timeoutMs: 900_000,
      files: of('platform'),
    },
  ];
}

export function tierOf(path: string): TierName {
  if (path.startsWith('test/')) return 'platform';
  return path.endsWith('.engine.test.ts') ? 'engines' : 'unit';
}

function testFiles(directory: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return skippedDirectories.has(entry.name) ? [] : testFiles(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}
