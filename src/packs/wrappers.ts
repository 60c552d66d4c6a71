/**
 * Programs of a pack run with the pack's own dynamic loader and libraries, so that they run on any
 * distribution. Each program becomes a small shell script that executes the loader on the real file.
 *
 * PostgreSQL's programs look for each other and for their files beside themselves: there the script
 * takes the program's place and the program moves to `libexec` next to it. MySQL's scripts stand in
 * a directory of their own. The scripts find everything relative to themselves: a pack may be moved.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import type { Architecture } from './apt.ts';
import type { Recipe } from './recipes.ts';

/** Relative to the pack's directory. */
export type Layout = { root: string; binDir: string; loader: string; libraryPath: string };

export function layoutOf(recipe: Recipe, arch: Architecture): Layout {
  const libraryPath = `root/usr/lib/${arch.triplet}`;
  return {
    root: 'root',
    binDir: recipe.engine === 'postgres' ? `root/${recipe.programDirs[0]}` : 'bin',
    loader: `${libraryPath}/${arch.loader}`,
    libraryPath,
  };
}

/** Moves programs where the layout wants them and writes the scripts. */
export function wrapPrograms(directory: string, recipe: Recipe, layout: Layout): void {
  const binDir = join(directory, layout.binDir);
  mkdirSync(binDir, { recursive: true });
  const keep = recipe.extraPrograms && new Set([...recipe.programs, ...recipe.extraPrograms]);
  for (const programDir of recipe.programDirs) {
    const from = join(directory, layout.root, programDir);
    const beside = from === binDir;
    const to = beside ? join(from, '../libexec') : from;
    mkdirSync(to, { recursive: true });
    if (!existsSync(from)) continue;
    for (const name of readdirSync(from)) {
      const path = join(from, name);
      if (!isElf(path) || (keep !== undefined && !keep.has(name))) {
        rmSync(path, { recursive: true, force: true });
        continue;
      }
      const program = join(to, name);
      if (beside) renameSync(path, program);
      writeFileSync(join(binDir, name), script(binDir, directory, layout, program));
      chmodSync(join(binDir, name), 0o755);
    }
  }
}

function script(binDir: string, directory: string, layout: Layout, program: string): string {
  const from = (path: string) => `$bin/${relative(binDir, path)}`;
  const libraries = from(join(directory, layout.libraryPath));
  const name = basename(program);
  // The name under which it runs: PostgreSQL finds its files relative to it.
  const shownAs = program.includes('/libexec/') ? `$bin/${name}` : from(program);
  // A server's collation must not depend on the host's locales: the pack has C.UTF-8 of its own.
  const locales = ['postgres', 'initdb'].includes(name)
    ? `LOCPATH="${from(join(directory, 'root/usr/lib/locale'))}"\nexport LOCPATH\n`
    : '';
  return `#!/bin/sh
self=$0
[ -L "$self" ] && self=$(readlink -f -- "$self")
bin=\${self%/*}
${locales}exec "${from(join(directory, layout.loader))}" --argv0 "${shownAs}" --library-path "${libraries}" "${from(program)}" "$@"
`;
}

function isElf(path: string): boolean {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false;
  const head = Buffer.alloc(4);
  const file = openSync(path, 'r');
  try {
    readSync(file, head);
  } finally {
    closeSync(file);
  }
  return head.toString('latin1') === '\x7fELF';
}
