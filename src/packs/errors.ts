/** The errors of fetching, in one place, because they are what a person reads when it does not work. */
import { engineOffers } from '../domain/engines.ts';
import { PlatformError } from '../lib/errors.ts';
import { packName, type Recipe } from './recipes.ts';

/** The ways to supply a pack, exactly. */
export function waysToSupply(recipe: Recipe, mirror: string): string {
  const name = packName(recipe.engine, recipe.version);
  return [
    'What you can do: (1) run the same command again; it continues where it stopped.',
    `(2) Name a Debian mirror that this machine reaches (now: ${mirror}): MOORING_DEBIAN_MIRROR=http://your-mirror/debian.`,
    `(3) Copy the directory ${name} from the packs directory of a machine that has it, for example to /srv/packs/${name}, and set MOORING_PACKS=/srv/packs.`,
  ].join(' ');
}

const label = (recipe: Recipe) => `${engineOffers[recipe.engine].label} ${recipe.version}`;

export function cannotFetch(
  recipe: Recipe,
  mirror: string,
  facts: { missing: string; kept: string; reason: string },
  cause?: unknown,
): PlatformError {
  return new PlatformError(
    'unavailable',
    `The pack for ${label(recipe)} could not be fetched. Missing: ${facts.missing}. Kept: ${facts.kept}. Reason: ${facts.reason}`,
    {
      hint: expiredHint(facts.reason) + waysToSupply(recipe, mirror),
      cause,
      context: { recipe: packName(recipe.engine, recipe.version), mirror },
    },
  );
}

/** An old index may be replayed by an attacker, so accepting one is left to the administrator's own apt. */
function expiredHint(reason: string): string {
  if (!/is expired|not valid yet/.test(reason)) return '';
  return 'The index is out of date: check the clock of this machine, and whether the mirror is still updated. To accept a frozen mirror, set Acquire::Check-Valid-Until "false" in /etc/apt/apt.conf.d. ';
}

export function diskFull(recipe: Recipe, directory: string, cause?: unknown): PlatformError {
  return new PlatformError(
    'refused',
    `There is not enough space in ${directory} for the pack of ${label(recipe)}: it needs about 400 MB while it is unpacked.`,
    { hint: 'Free space there, or choose another data directory with --data DIR.', cause },
  );
}

export const saysDiskFull = (text: string): boolean =>
  /No space left on device|ENOSPC|enough free space|Disk quota exceeded|EDQUOT/i.test(text);

/** The lines of apt's output that say what went wrong. */
export function aptReason(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^(E|W|Err):? ?/.test(line) && !/Unable to fetch some archives/.test(line))
    .map((line) => line.replace(/^(E|W): /, ''));
  const unique = [...new Set(lines)];
  const shown = unique.slice(0, 3).join('; ');
  return shown === '' ? 'apt gave no reason.' : unique.length > 3 ? `${shown}; ...` : shown;
}
