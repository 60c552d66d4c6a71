/** Where everything of the local runtime is, below the platform's data directory. */
import { chmod, chown, lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, PlatformError } from '../../lib/errors.ts';

/** The OS account under which agents, servers and forwarders run; null for the platform's own. */
export type RunAs = { uid: number; gid: number; name: string };

export type Layout = ReturnType<typeof layoutOf>;

export function layoutOf(dataDirectory: string) {
  const instances = join(dataDirectory, 'instances');
  const forwarders = join(dataDirectory, 'forwarders');
  const templates = join(dataDirectory, 'templates');
  return {
    instances,
    forwarders,
    templates,
    /** Renamed here first, then deleted: a half deleted directory must never look like an instance. */
    trash: join(instances, '.trash'),
    spares: join(instances, '.spares'),
    instance(id: string) {
      const home = join(instances, checkedId(id));
      return {
        home,
        launch: join(home, 'agent.json'),
        agentPid: join(home, 'agent.pid'),
        serverPid: join(home, 'state', 'server.pid'),
        /** What the process prints; its log proper, log/agent.log, is the agent's own. */
        agentOutput: join(home, 'log', 'agent.out'),
        volume: join(home, 'volume'),
        /** Written when everything the volume was made of is known to be on the disk. */
        volumeSynced: join(home, 'volume.synced'),
        limits: join(home, 'limits.json'),
        tls: {
          ca: join(home, 'tls', 'ca.crt'),
          cert: join(home, 'tls', 'server.crt'),
          key: join(home, 'tls', 'server.key'),
        },
        directories: ['', 'tls', 'state', 'run', 'log'].map((name) => join(home, name)),
      };
    },
    forwarder(clusterId: string) {
      const home = join(forwarders, checkedId(clusterId));
      return {
        home,
        launch: join(home, 'forwarder.json'),
        pid: join(home, 'forwarder.pid'),
        log: join(home, 'forwarder.log'),
      };
    },
  };
}

/** A directory of the account, mode 0700. A link in its place is refused: root writes below it. */
export async function ensureDirectory(path: string, account: RunAs | null, mode = 0o700): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  const found = await lstat(path);
  if (!found.isDirectory()) {
    throw new PlatformError('refused', `${path} is not a directory`, {
      hint: `Move it out of the way; Mooring keeps an instance's files there`,
    });
  }
  if (account !== null && found.uid !== account.uid) await chown(path, account.uid, account.gid);
  if ((found.mode & 0o777) !== mode) await chmod(path, mode);
}

/** Ids become file names, so an id that could leave its directory is a bug of the caller. */
function checkedId(id: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(id)) throw new Error(`not an id: ${id}`);
  return id;
}
