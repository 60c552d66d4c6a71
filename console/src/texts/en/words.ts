/** Texts of words that several pages share: states, kinds, sizes, steps. */

export const state = {
  creating: 'Creating',
  ready: 'Ready',
  degraded: 'Degraded',
  unavailable: 'Unavailable',
  deleting: 'Deleting',
  deleted: 'Deleted',
  failed: 'Failed',
};

export const instanceState = {
  preparing: 'Preparing',
  starting: 'Starting',
  gated: 'Gated',
  proving: 'Proving',
  open: 'Open',
  stopping: 'Stopping',
  stopped: 'Stopped',
  crashed: 'Crashed',
  failed: 'Failed',
  unreachable: 'Unreachable',
};

export const receiver = { streaming: 'Streaming', connecting: 'Connecting', stopped: 'Stopped' };

export const role = { primary: 'Primary', standby: 'Standby' };

export const engine = { mysql: 'MySQL', postgres: 'PostgreSQL' };

export const versionLabel = {
  'long-term support': 'long-term support',
  recommended: 'recommended',
  newest: 'newest',
  older: 'older',
};

export const size = { small: 'Small', medium: 'Medium', large: 'Large' };

export const ack = { memory: 'received', disk: 'on disk' };

export const kind = {
  create: 'Create',
  restart: 'Restart',
  delete: 'Delete',
  undelete: 'Undelete',
  purge: 'Purge',
};

export const operationState = {
  pending: 'Queued',
  running: 'Running',
  waiting: 'Waiting',
  cancelling: 'Cancelling',
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

export const stepState = {
  pending: 'to do',
  running: 'running',
  done: 'done',
  failed: 'failed',
  undone: 'undone',
};

/** By the step's name; a step that is not here shows the server's English title. */
export const step = {
  place: 'Choose hosts and ports',
  volumes: 'Make the volumes',
  agents: 'Start the servers',
  replication: 'Standbys follow the primary',
  rule: 'First write acknowledged by the quorum',
  endpoints: 'Open the endpoints',
  ready: 'Ready',
  restart: 'Restart',
  close: 'Close the endpoints',
  leader: 'Stop the primary',
  standbys: 'Stop the standbys',
  instances: 'End servers and agents',
  deleted: 'Keep the volumes for the retention time',
  end: 'End what still runs',
  remove: 'Remove the volumes',
  forget: 'Free name and ports',
};

export const resource = {
  memory: 'Memory',
  cpu: 'CPU',
  cpus: 'CPU',
  disk: 'Disk',
  connections: 'Connections',
  processes: 'Processes',
  io: 'I/O',
};

export const severity = { info: 'Info', warning: 'Warning', error: 'Error' };
