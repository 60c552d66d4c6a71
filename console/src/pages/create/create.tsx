/**
 * Create in three steps on one page. Everything but the name has a default. The name is checked while it
 * is typed, by the same rule as on the server; what only the server knows comes back at its field.
 */
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Button, Collapse, Input, Radio, Select } from 'antd';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { PlatformError } from '../../../../src/api/contract/client.ts';
import { clusterNamePattern, clusterNameProblem } from '../../../../src/api/contract/names.ts';
import type { Catalogue, Cluster, ClusterInput } from '../../../../src/api/contract/schemas.ts';
import { catalogueQuery, client, clustersQuery, meQuery, queryClient } from '../../data/api.ts';
import { useFormat } from '../../data/format.ts';
import { CodeBlock } from '../../parts/copy.tsx';
import { Loaded, Page, Problem } from '../../parts/page.tsx';
import { EngineCard, SizeCard, TopologyCard } from './cards.tsx';

export function CreatePage() {
  const { t } = useTranslation();
  const catalogue = useQuery(catalogueQuery);
  return (
    <Page
      title={t('create.title')}
      intro={t('create.intro')}
      before={
        <Link to="/clusters" className="back">
          ← {t('clusters.title')}
        </Link>
      }
    >
      <Loaded query={catalogue} rows={12}>
        {(loaded) => <CreateForm catalogue={loaded} />}
      </Loaded>
    </Page>
  );
}

type Choice = {
  engine: Cluster['engine'];
  version: string;
  topology: Cluster['topology'];
  size: Cluster['size'];
  name: string;
  team: string | undefined;
  ack: Cluster['ack'];
};

/** The most usual that this installation can carry. */
function defaults(catalogue: Catalogue, team: string | undefined): Choice {
  const engine = catalogue.engines[0];
  const possible = catalogue.topologies.filter((offer) => offer.possible).map((offer) => offer.topology);
  return {
    engine: engine?.kind ?? 'mysql',
    version: engine?.defaultVersion ?? '',
    topology: (['1+2', '1+1', '1+3', 'single'] as const).find((wish) => possible.includes(wish)) ?? 'single',
    size: catalogue.sizes[0]?.size ?? 'small',
    name: '',
    team,
    ack: 'memory',
  };
}

function CreateForm({ catalogue }: { catalogue: Catalogue }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const me = useQuery(meQuery).data;
  const teams = (me?.teams ?? []).filter((team) => team.role !== 'viewer').map((team) => team.name);
  const [choice, setChoice] = useState<Choice>(() => defaults(catalogue, teams[0]));
  const [touched, setTouched] = useState(false);
  const nameInput = useRef<HTMLInputElement>(null);
  const set = (part: Partial<Choice>) => setChoice((before) => ({ ...before, ...part }));

  const create = useMutation({
    mutationFn: (body: ClusterInput) => client.call('createCluster', { body }),
    onSuccess: ({ cluster }) => {
      queryClient.setQueryData(['cluster', cluster.name], cluster);
      void queryClient.invalidateQueries({ queryKey: ['clusters'] });
      void navigate({ to: '/clusters/$name', params: { name: cluster.name } });
    },
    onError: (error) => {
      if (fieldProblem(error, 'name') !== undefined) nameInput.current?.focus();
    },
  });

  const typedProblem = useNameProblem(choice.name);
  const sentName = create.variables?.name;
  const serverProblem = sentName === choice.name ? fieldProblem(create.error, 'name') : undefined;
  const nameProblem = (touched || choice.name !== '' ? typedProblem : undefined) ?? serverProblem;
  const engine = catalogue.engines.find((offer) => offer.kind === choice.engine);

  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    setTouched(true);
    if (typedProblem !== undefined) {
      nameInput.current?.focus();
      return;
    }
    create.mutate({ ...choice });
  };

  return (
    <form onSubmit={submit} noValidate className="create">
      {create.error !== null && serverProblem === undefined && (
        <Problem error={create.error} title={t('create.problemTitle')} />
      )}
      <Step number={1} title={t('create.stepEngine')} hint={t('create.stepEngineHint')}>
        <div className="choices choices-2">
          {catalogue.engines.map((offer) => (
            <EngineCard
              key={offer.kind}
              offer={offer}
              checked={offer.kind === choice.engine}
              onChoose={() => set({ engine: offer.kind, version: offer.defaultVersion })}
            />
          ))}
        </div>
        {engine !== undefined && (
          <div className="inline-field">
            <label htmlFor="version">{t('create.versionOf', { engine: engine.label })}</label>
            <Select
              id="version"
              className="version"
              value={choice.version}
              onChange={(version) => set({ version })}
              options={engine.versions.map((offer) => ({
                value: offer.version,
                label: <VersionLabel version={offer.version} label={offer.label} />,
              }))}
            />
          </div>
        )}
      </Step>
      <Step number={2} title={t('create.stepTopology')} hint={t('create.stepTopologyHint')}>
        <div className="choices choices-4">
          {catalogue.topologies.map((offer) => (
            <TopologyCard
              key={offer.topology}
              offer={offer}
              zones={catalogue.zones.map((zone) => zone.zone)}
              checked={offer.topology === choice.topology}
              onChoose={() => set({ topology: offer.topology })}
            />
          ))}
        </div>
      </Step>
      <Step number={3} title={t('create.stepName')} hint={t('create.stepNameHint')}>
        <div className="name-field">
          <label htmlFor="name">{t('create.name')}</label>
          <Input
            id="name"
            ref={(input) => {
              nameInput.current = input?.input ?? null;
            }}
            size="large"
            value={choice.name}
            placeholder={t('create.namePlaceholder')}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={60}
            required
            status={nameProblem === undefined ? '' : 'error'}
            aria-invalid={nameProblem !== undefined}
            aria-describedby="name-note"
            onChange={(event) => set({ name: event.target.value })}
            onBlur={() => choice.name !== '' && setTouched(true)}
          />
          <p id="name-note" className={nameProblem === undefined ? 'hint' : 'field-error'} aria-live="polite">
            {nameProblem ?? t('create.nameRule')}
          </p>
        </div>
        <fieldset className="plain-fieldset">
          <legend>{t('create.size')}</legend>
          <div className="choices choices-3">
            {catalogue.sizes.map((offer) => (
              <SizeCard
                key={offer.size}
                offer={offer}
                checked={offer.size === choice.size}
                onChoose={() => set({ size: offer.size })}
              />
            ))}
          </div>
        </fieldset>
        <Collapse
          ghost
          className="advanced"
          items={[
            {
              key: 'advanced',
              label: t('create.advanced'),
              children: <Advanced choice={choice} teams={teams} set={set} />,
            },
          ]}
        />
      </Step>
      <Summary catalogue={catalogue} choice={choice} pending={create.isPending} />
    </form>
  );
}

function Step(props: { number: number; title: string; hint: string; children: React.ReactNode }) {
  const id = `step-${props.number}`;
  return (
    <section className="create-step" aria-labelledby={id}>
      <div className="create-step-head">
        <span className="create-number" aria-hidden="true">
          {props.number}
        </span>
        <div>
          <h2 id={id}>{props.title}</h2>
          <p className="hint">{props.hint}</p>
        </div>
      </div>
      <div className="create-step-body">{props.children}</div>
    </section>
  );
}

function VersionLabel({ version, label }: { version: string; label: string }) {
  const { t, i18n } = useTranslation();
  const key = `versionLabel.${label}`;
  return (
    <>
      {version} <span className="small">{i18n.exists(key) ? t(key as 'versionLabel.newest') : label}</span>
    </>
  );
}

type AdvancedProps = { choice: Choice; teams: string[]; set: (part: Partial<Choice>) => void };

function Advanced({ choice, teams, set }: AdvancedProps) {
  const { t } = useTranslation();
  return (
    <div className="advanced-body">
      {teams.length > 0 && (
        <div className="name-field">
          <label htmlFor="team">{t('create.team')}</label>
          <Select
            id="team"
            value={choice.team}
            onChange={(team) => set({ team })}
            options={teams.map((team) => ({ value: team, label: team }))}
          />
          <p className="hint">{t('create.teamHint')}</p>
        </div>
      )}
      {choice.topology !== 'single' && (
        <fieldset className="plain-fieldset">
          <legend>{t('create.ack')}</legend>
          <Radio.Group
            className="ack"
            value={choice.ack}
            onChange={(event) => set({ ack: event.target.value as Cluster['ack'] })}
          >
            <Radio value="memory">
              {t('create.ackMemory')}
              <span className="hint">{t('create.ackMemoryHint')}</span>
            </Radio>
            <Radio value="disk">
              {t('create.ackDisk')}
              <span className="hint">{t('create.ackDiskHint')}</span>
            </Radio>
          </Radio.Group>
        </fieldset>
      )}
    </div>
  );
}

type SummaryProps = { catalogue: Catalogue; choice: Choice; pending: boolean };

function Summary({ catalogue, choice, pending }: SummaryProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const topology = catalogue.topologies.find((offer) => offer.topology === choice.topology);
  const size = catalogue.sizes.find((offer) => offer.size === choice.size);
  const count = topology?.instances ?? 1;
  return (
    <section className="summary" aria-label={t('create.summary')}>
      <div className="grow">
        <strong>
          {t('create.summaryText', {
            engine: t(`engine.${choice.engine}`),
            version: choice.version,
            topology: t(`topologyName.${choice.topology}`).toLowerCase(),
          })}
        </strong>
        {size !== undefined && (
          <p className="hint">
            {t('create.totalText', {
              instances: t('create.instances', { count }),
              memory: format.mebibytes(count * size.memoryMb),
              disk: format.gibibytes(count * size.diskGb),
            })}
          </p>
        )}
        <CodeBlock text={commandFor(catalogue, choice)} what={t('create.command')} />
      </div>
      <Button type="primary" size="large" htmlType="submit" loading={pending}>
        {t('create.submit')}
      </Button>
    </section>
  );
}

function commandFor(catalogue: Catalogue, choice: Choice): string {
  const engine = catalogue.engines.find((offer) => offer.kind === choice.engine);
  const words = [
    './moor create',
    choice.engine,
    clusterNamePattern.test(choice.name) ? choice.name : 'orders',
    '--topology',
    choice.topology,
  ];
  if (choice.version !== engine?.defaultVersion) words.push('--version', choice.version);
  if (choice.size !== 'small') words.push('--size', choice.size);
  return words.join(' ');
}

/** Undefined when the name may be sent. Taken names are known from the list; the server decides. */
function useNameProblem(name: string): string | undefined {
  const { t } = useTranslation();
  const clusters = useQuery(clustersQuery(true)).data;
  if (name === '') return t('create.nameMissing');
  if (!clusterNamePattern.test(name)) return t('create.nameInvalid');
  if (clusterNameProblem(name) !== undefined) return t('create.nameReserved', { name });
  if (clusters?.some((cluster) => cluster.name === name)) return t('create.nameTaken', { name });
  return undefined;
}

function fieldProblem(error: unknown, path: string): string | undefined {
  if (!(error instanceof PlatformError)) return undefined;
  return error.fields.find((field) => field.path === path)?.message;
}
