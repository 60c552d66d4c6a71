-- The truth: intent, rules, operations, audit. Observations are kept apart (instance_status).

create table platform (
  id uuid primary key,
  created_at timestamptz not null default now(),
  settings jsonb not null default '{}',
  -- Touched about once a second by a controller that is alive.
  controller_seen_at timestamptz
);

-- People and teams ---------------------------------------------------------------------------------

create table teams (
  id uuid primary key,
  name text not null unique,
  quota_clusters int not null,
  quota_instances int not null,
  quota_memory_mb int not null,
  quota_disk_gb int not null,
  created_at timestamptz not null default now()
);

create table users (
  id uuid primary key,
  name text not null unique,
  password_hash text not null,
  must_change_password boolean not null default false,
  administrator boolean not null default false,
  failed_logins int not null default 0,
  locked_until timestamptz,
  created_at timestamptz not null default now()
);

create table team_members (
  team_id uuid not null references teams on delete cascade,
  user_id uuid not null references users on delete cascade,
  role text not null check (role in ('owner', 'member', 'viewer')),
  primary key (team_id, user_id)
);

create table sessions (
  token_hash bytea primary key,
  user_id uuid not null references users on delete cascade,
  csrf_token text not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create table api_tokens (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  name text not null,
  token_hash bytea not null unique,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  expires_at timestamptz,
  unique (user_id, name)
);

create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  actor text not null,
  action text not null,
  object text not null,
  outcome text not null check (outcome in ('allowed', 'refused', 'failed')),
  address text,
  details jsonb not null default '{}'
);
create index audit_at on audit (at desc);

-- Clusters -----------------------------------------------------------------------------------------

create table clusters (
  id uuid primary key,
  team_id uuid not null references teams,
  name text not null,
  engine text not null check (engine in ('mysql', 'postgres')),
  version text not null,
  topology text not null check (topology in ('single', '1+1', '1+2', '1+3')),
  size text not null check (size in ('small', 'medium', 'large')),
  ack text not null default 'memory' check (ack in ('memory', 'disk')),
  lifecycle text not null
    check (lifecycle in ('creating', 'active', 'deleting', 'deleted', 'undeleting', 'purging', 'purged', 'failed')),
  created_by text not null,
  created_at timestamptz not null default now(),
  ready_at timestamptz,
  deleted_at timestamptz,
  purge_after timestamptz
);
-- A deleted cluster keeps its name until it is purged, so that undelete always works.
create unique index clusters_name on clusters (name) where lifecycle <> 'purged';

create table groups (
  id uuid primary key,
  cluster_id uuid not null references clusters on delete cascade,
  -- Compare-and-set on this column is the only way to change the rule.
  version int not null default 1,
  term int not null,
  rule jsonb not null,
  marker_uuid uuid not null,
  system_id numeric(20) not null
);
create unique index groups_cluster on groups (cluster_id);

create table instances (
  id uuid primary key,
  group_id uuid not null references groups on delete cascade,
  cluster_id uuid not null references clusters on delete cascade,
  name text not null,
  ordinal int not null,
  host_id text not null,
  zone text not null,
  region text not null,
  host text not null,
  port int not null,
  agent_port int not null,
  memory_mb int not null,
  disk_gb int not null,
  -- Null before the first assignment.
  assignment jsonb,
  generation int not null default 0,
  unique (cluster_id, ordinal)
);
create unique index instances_port on instances (host, port);
create unique index instances_agent_port on instances (host, agent_port);

create table endpoints (
  id uuid primary key,
  cluster_id uuid not null references clusters on delete cascade,
  purpose text not null check (purpose in ('readWrite', 'readOnly')),
  host text not null,
  port int not null,
  unique (cluster_id, purpose)
);
create unique index endpoints_port on endpoints (host, port);

-- Instances that were purged. Only what stands here may be cleaned up when it is found on a host:
-- files without any row may belong to a store that was lost, and are reported instead.
create table retired_instances (
  id uuid primary key,
  cluster_id uuid not null references clusters on delete cascade,
  retired_at timestamptz not null default now()
);

-- Secrets are sealed with the platform's key file (AES-256-GCM); the row alone is worth nothing.
create table secrets (
  cluster_id uuid not null references clusters on delete cascade,
  name text not null,
  sealed bytea not null,
  primary key (cluster_id, name)
);

-- Newest observation per instance; overwritten, and only when it changed or is 5 s old.
create table instance_status (
  instance_id uuid primary key references instances on delete cascade,
  cluster_id uuid not null references clusters on delete cascade,
  received_at timestamptz not null,
  status jsonb not null
);
create index instance_status_cluster on instance_status (cluster_id);

-- Operations ---------------------------------------------------------------------------------------

create table operations (
  id uuid primary key,
  kind text not null check (kind in ('create', 'restart', 'delete', 'undelete', 'purge')),
  cluster_id uuid not null references clusters on delete cascade,
  actor text not null,
  input jsonb not null default '{}',
  -- [{name, title, state, startedAt, finishedAt}]
  plan jsonb not null,
  step text not null,
  -- What steps hand on to later steps.
  data jsonb not null default '{}',
  state text not null
    check (state in ('pending', 'running', 'waiting', 'cancelling', 'done', 'failed', 'cancelled')),
  waiting_for text,
  error jsonb,
  cancel_requested boolean not null default false,
  -- When the step in progress gives up, and when the whole operation is overdue.
  step_deadline timestamptz,
  deadline timestamptz not null,
  run_after timestamptz not null default now(),
  lease_owner uuid,
  lease_until timestamptz,
  tries int not null default 0,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz
);
-- One operation at a time per cluster.
create unique index operations_one_open on operations (cluster_id)
  where state not in ('done', 'failed', 'cancelled');
create index operations_due on operations (run_after)
  where state not in ('done', 'failed', 'cancelled');
create index operations_cluster on operations (cluster_id, created_at desc);

create table events (
  id bigint generated always as identity primary key,
  cluster_id uuid not null references clusters on delete cascade,
  instance_id uuid,
  at timestamptz not null default now(),
  severity text not null check (severity in ('info', 'warning', 'error')),
  kind text not null,
  message text not null,
  data jsonb not null default '{}'
);
create index events_cluster on events (cluster_id, id desc);
