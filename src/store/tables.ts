/** The rows of the store as Kysely sees them; mirrors migrations/. */
import type { ColumnType, Generated } from 'kysely';
import type { AckDurability, Assignment } from '../domain/assignment.ts';
import type { EngineKind } from '../domain/engines.ts';
import type { Lifecycle } from '../domain/health.ts';
import type { OperationKind, OperationState, PlanStep } from '../domain/operations.ts';
import type { Rule } from '../domain/rules.ts';
import type { Size } from '../domain/sizes.ts';
import type { InstanceStatus } from '../domain/status.ts';
import type { Topology } from '../domain/topologies.ts';

type Timestamp = ColumnType<Date, Date | string | undefined, Date | string>;
type NullableTimestamp = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
/** jsonb: read as a value, written as JSON text. */
type Json<T> = ColumnType<T, string, string>;
type GeneratedJson<T> = ColumnType<T, string | undefined, string>;

export type Tables = {
  platform: {
    id: string;
    created_at: Generated<Date>;
    settings: GeneratedJson<Record<string, unknown>>;
    controller_seen_at: NullableTimestamp;
  };
  teams: {
    id: string;
    name: string;
    quota_clusters: number;
    quota_instances: number;
    quota_memory_mb: number;
    quota_disk_gb: number;
    created_at: Generated<Date>;
  };
  users: {
    id: string;
    name: string;
    password_hash: string;
    must_change_password: Generated<boolean>;
    administrator: Generated<boolean>;
    failed_logins: Generated<number>;
    locked_until: NullableTimestamp;
    created_at: Generated<Date>;
  };
  team_members: { team_id: string; user_id: string; role: 'owner' | 'member' | 'viewer' };
  sessions: {
    token_hash: Buffer;
    user_id: string;
    csrf_token: string;
    created_at: Generated<Date>;
    last_used_at: Timestamp;
    expires_at: Timestamp;
  };
  api_tokens: {
    id: string;
    user_id: string;
    name: string;
    token_hash: Buffer;
    created_at: Generated<Date>;
    last_used_at: NullableTimestamp;
    expires_at: NullableTimestamp;
  };
  audit: {
    id: Generated<string>;
    at: Generated<Date>;
    actor: string;
    action: string;
    object: string;
    outcome: 'allowed' | 'refused' | 'failed';
    address: string | null;
    details: GeneratedJson<Record<string, unknown>>;
  };
  clusters: {
    id: string;
    team_id: string;
    name: string;
    engine: EngineKind;
    version: string;
    topology: Topology;
    size: Size;
    ack: Generated<AckDurability>;
    lifecycle: Lifecycle | 'purged';
    created_by: string;
    created_at: Generated<Date>;
    ready_at: NullableTimestamp;
    deleted_at: NullableTimestamp;
    purge_after: NullableTimestamp;
  };
  groups: {
    id: string;
    cluster_id: string;
    version: Generated<number>;
    term: number;
    rule: Json<Rule>;
    marker_uuid: string;
    system_id: string;
  };
  instances: {
    id: string;
    group_id: string;
    cluster_id: string;
    name: string;
    ordinal: number;
    host_id: string;
    zone: string;
    region: string;
    host: string;
    port: number;
    agent_port: number;
    memory_mb: number;
    disk_gb: number;
    assignment: ColumnType<Assignment | null, string | null | undefined, string | null>;
    generation: Generated<number>;
  };
  endpoints: {
    id: string;
    cluster_id: string;
    purpose: 'readWrite' | 'readOnly';
    host: string;
    port: number;
  };
  retired_instances: { id: string; cluster_id: string; retired_at: Generated<Date> };
  secrets: { cluster_id: string; name: string; sealed: Buffer };
  instance_status: {
    instance_id: string;
    cluster_id: string;
    received_at: Timestamp;
    status: Json<InstanceStatus>;
  };
  operations: {
    id: string;
    kind: OperationKind;
    cluster_id: string;
    actor: string;
    input: GeneratedJson<Record<string, unknown>>;
    plan: Json<PlanStep[]>;
    step: string;
    data: GeneratedJson<Record<string, unknown>>;
    state: OperationState;
    waiting_for: string | null;
    error: ColumnType<
      { kind: string; message: string; hint?: string } | null,
      string | null | undefined,
      string | null
    >;
    cancel_requested: Generated<boolean>;
    step_deadline: NullableTimestamp;
    deadline: Timestamp;
    run_after: Timestamp;
    lease_owner: string | null;
    lease_until: NullableTimestamp;
    tries: Generated<number>;
    created_at: Generated<Date>;
    started_at: NullableTimestamp;
    finished_at: NullableTimestamp;
  };
  events: {
    id: Generated<string>;
    cluster_id: string;
    instance_id: string | null;
    at: Generated<Date>;
    severity: 'info' | 'warning' | 'error';
    kind: string;
    message: string;
    data: GeneratedJson<Record<string, unknown>>;
  };
};
