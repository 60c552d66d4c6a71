CREATE TABLE public.api_tokens (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone,
    expires_at timestamp with time zone
);

CREATE TABLE public.audit (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    outcome text NOT NULL,
    address text,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_outcome_check CHECK ((outcome = ANY (ARRAY['allowed'::text, 'refused'::text, 'failed'::text])))
);

ALTER TABLE public.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.clusters (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    name text NOT NULL,
    engine text NOT NULL,
    version text NOT NULL,
    topology text NOT NULL,
    size text NOT NULL,
    ack text DEFAULT 'memory'::text NOT NULL,
    lifecycle text NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ready_at timestamp with time zone,
    deleted_at timestamp with time zone,
    purge_after timestamp with time zone,
    CONSTRAINT clusters_ack_check CHECK ((ack = ANY (ARRAY['memory'::text, 'disk'::text]))),
    CONSTRAINT clusters_engine_check CHECK ((engine = ANY (ARRAY['mysql'::text, 'postgres'::text]))),
    CONSTRAINT clusters_lifecycle_check CHECK ((lifecycle = ANY (ARRAY['creating'::text, 'active'::text, 'deleting'::text, 'deleted'::text, 'undeleting'::text, 'purging'::text, 'purged'::text, 'failed'::text]))),
    CONSTRAINT clusters_size_check CHECK ((size = ANY (ARRAY['small'::text, 'medium'::text, 'large'::text]))),
    CONSTRAINT clusters_topology_check CHECK ((topology = ANY (ARRAY['single'::text, '1+1'::text, '1+2'::text, '1+3'::text])))
);

CREATE TABLE public.endpoints (
    id uuid NOT NULL,
    cluster_id uuid NOT NULL,
    purpose text NOT NULL,
    host text NOT NULL,
    port integer NOT NULL,
    CONSTRAINT endpoints_purpose_check CHECK ((purpose = ANY (ARRAY['readWrite'::text, 'readOnly'::text])))
);

CREATE TABLE public.events (
    id bigint NOT NULL,
    cluster_id uuid NOT NULL,
    instance_id uuid,
    at timestamp with time zone DEFAULT now() NOT NULL,
    severity text NOT NULL,
    kind text NOT NULL,
    message text NOT NULL,
    data jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT events_severity_check CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'error'::text])))
);

ALTER TABLE public.events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.groups (
    id uuid NOT NULL,
    cluster_id uuid NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    term integer NOT NULL,
    rule jsonb NOT NULL,
    marker_uuid uuid NOT NULL,
    system_id numeric(20,0) NOT NULL
);

CREATE TABLE public.instance_status (
    instance_id uuid NOT NULL,
    cluster_id uuid NOT NULL,
    received_at timestamp with time zone NOT NULL,
    status jsonb NOT NULL
);

CREATE TABLE public.instances (
    id uuid NOT NULL,
    group_id uuid NOT NULL,
    cluster_id uuid NOT NULL,
    name text NOT NULL,
    ordinal integer NOT NULL,
    host_id text NOT NULL,
    zone text NOT NULL,
    region text NOT NULL,
    host text NOT NULL,
    port integer NOT NULL,
    agent_port integer NOT NULL,
    memory_mb integer NOT NULL,
    disk_gb integer NOT NULL,
    assignment jsonb,
    generation integer DEFAULT 0 NOT NULL
);

CREATE TABLE public.operations (
    id uuid NOT NULL,
    kind text NOT NULL,
    cluster_id uuid NOT NULL,
    actor text NOT NULL,
    input jsonb DEFAULT '{}'::jsonb NOT NULL,
    plan jsonb NOT NULL,
    step text NOT NULL,
    data jsonb DEFAULT '{}'::jsonb NOT NULL,
    state text NOT NULL,
    waiting_for text,
    error jsonb,
    cancel_requested boolean DEFAULT false NOT NULL,
    step_deadline timestamp with time zone,
    deadline timestamp with time zone NOT NULL,
    run_after timestamp with time zone DEFAULT now() NOT NULL,
    lease_owner uuid,
    lease_until timestamp with time zone,
    tries integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT operations_kind_check CHECK ((kind = ANY (ARRAY['create'::text, 'restart'::text, 'delete'::text, 'undelete'::text, 'purge'::text]))),
    CONSTRAINT operations_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'running'::text, 'waiting'::text, 'cancelling'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
);

CREATE TABLE public.platform (
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    controller_seen_at timestamp with time zone
);

CREATE TABLE public.retired_instances (
    id uuid NOT NULL,
    cluster_id uuid NOT NULL,
    retired_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.schema_migrations (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.secrets (
    cluster_id uuid NOT NULL,
    name text NOT NULL,
    sealed bytea NOT NULL
);

CREATE TABLE public.sessions (
    token_hash bytea NOT NULL,
    user_id uuid NOT NULL,
    csrf_token text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE public.team_members (
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    CONSTRAINT team_members_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'member'::text, 'viewer'::text])))
);

CREATE TABLE public.teams (
    id uuid NOT NULL,
    name text NOT NULL,
    quota_clusters integer NOT NULL,
    quota_instances integer NOT NULL,
    quota_memory_mb integer NOT NULL,
    quota_disk_gb integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.users (
    id uuid NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    must_change_password boolean DEFAULT false NOT NULL,
    administrator boolean DEFAULT false NOT NULL,
    failed_logins integer DEFAULT 0 NOT NULL,
    locked_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_user_id_name_key UNIQUE (user_id, name);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.clusters
    ADD CONSTRAINT clusters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT endpoints_cluster_id_purpose_key UNIQUE (cluster_id, purpose);

ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT endpoints_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.groups
    ADD CONSTRAINT groups_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.instance_status
    ADD CONSTRAINT instance_status_pkey PRIMARY KEY (instance_id);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_cluster_id_ordinal_key UNIQUE (cluster_id, ordinal);

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.operations
    ADD CONSTRAINT operations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.platform
    ADD CONSTRAINT platform_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.retired_instances
    ADD CONSTRAINT retired_instances_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (cluster_id, name);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_pkey PRIMARY KEY (team_id, user_id);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_name_key UNIQUE (name);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_name_key UNIQUE (name);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX audit_at ON public.audit USING btree (at DESC);

CREATE UNIQUE INDEX clusters_name ON public.clusters USING btree (name) WHERE (lifecycle <> 'purged'::text);

CREATE UNIQUE INDEX endpoints_port ON public.endpoints USING btree (host, port);

CREATE INDEX events_cluster ON public.events USING btree (cluster_id, id DESC);

CREATE UNIQUE INDEX groups_cluster ON public.groups USING btree (cluster_id);

CREATE INDEX instance_status_cluster ON public.instance_status USING btree (cluster_id);

CREATE UNIQUE INDEX instances_agent_port ON public.instances USING btree (host, agent_port);

CREATE UNIQUE INDEX instances_port ON public.instances USING btree (host, port);

CREATE INDEX operations_cluster ON public.operations USING btree (cluster_id, created_at DESC);

CREATE INDEX operations_due ON public.operations USING btree (run_after) WHERE (state <> ALL (ARRAY['done'::text, 'failed'::text, 'cancelled'::text]));

CREATE UNIQUE INDEX operations_one_open ON public.operations USING btree (cluster_id) WHERE (state <> ALL (ARRAY['done'::text, 'failed'::text, 'cancelled'::text]));

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.clusters
    ADD CONSTRAINT clusters_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT endpoints_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES public.clusters(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES public.clusters(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.groups
    ADD CONSTRAINT groups_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES public.clusters(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.instance_status
    ADD CONSTRAINT instance_status_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES public.clusters(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.instance_status
    ADD CONSTRAINT instance_status_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.instances(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES public.clusters(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.instances
    ADD CONSTRAINT instances_group_id_fkey FOREIGN KEY (group_id) REFERENCES public.groups(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.operations
    ADD CONSTRAINT operations_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES public.clusters(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.retired_instances
    ADD CONSTRAINT retired_instances_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES public.clusters(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES public.clusters(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
