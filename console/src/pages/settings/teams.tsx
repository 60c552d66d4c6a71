/** Teams with quota and use; administrators change quotas and members. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { Button, Form, Input, InputNumber, Modal, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Quota, Team } from '../../../../src/api/contract/schemas.ts';
import { client, meQuery, queryClient, teamsQuery, usersQuery } from '../../data/api.ts';
import { useFormat } from '../../data/format.ts';
import { Loaded, Problem, Section } from '../../parts/page.tsx';

const refresh = () => void queryClient.invalidateQueries({ queryKey: teamsQuery.queryKey });

export function TeamsSection() {
  const { t } = useTranslation();
  const administrator = useQuery(meQuery).data?.administrator === true;
  const query = useQuery(teamsQuery);
  return (
    <Section title={t('settings.teams')} hint={t('settings.teamsIntro')} id="teams" plain>
      <div className="stack">
        <Loaded query={query} rows={4}>
          {(teams) =>
            teams.map((team) => <TeamCard key={team.name} team={team} administrator={administrator} />)
          }
        </Loaded>
        {administrator && <AddTeam />}
      </div>
    </Section>
  );
}

function AddTeam() {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ name: string }>();
  const create = useMutation({
    mutationFn: (body: { name: string }) => client.call('createTeam', { body }),
    onSuccess: () => {
      form.resetFields();
      refresh();
    },
  });
  return (
    <div className="card">
      <Form
        form={form}
        layout="vertical"
        className="row-form"
        requiredMark={false}
        onFinish={(entry: { name: string }) => create.mutate(entry)}
      >
        <Form.Item
          name="name"
          label={t('settings.teamName')}
          rules={[{ required: true, pattern: /^[a-z][a-z0-9-]{0,38}$/, message: t('settings.teamNameRule') }]}
        >
          <Input autoComplete="off" autoCapitalize="none" spellCheck={false} />
        </Form.Item>
        <Button htmlType="submit" loading={create.isPending}>
          {t('settings.teamAdd')}
        </Button>
      </Form>
      <Problem error={create.error} />
    </div>
  );
}

function TeamCard({ team, administrator }: { team: Team; administrator: boolean }) {
  const { t } = useTranslation();
  const [editing, setEditing] = useState(false);
  return (
    <article className="card team" aria-label={team.name}>
      <div className="team-head">
        <h3>{team.name}</h3>
        {administrator && (
          <Button size="small" onClick={() => setEditing(true)}>
            {t('settings.changeQuota')}
          </Button>
        )}
      </div>
      <Usage team={team} />
      <div className="team-members">
        <span className="field-label">{t('settings.members')}</span>
        {team.members.length === 0 ? (
          <p className="small">{t('settings.noMembers')}</p>
        ) : (
          <ul className="chips">
            {team.members.map((member) => (
              <li key={member.user} className="chip">
                {member.user}
                <span className="small">{roleText(t, member.role)}</span>
              </li>
            ))}
          </ul>
        )}
        {administrator && <SetMember team={team} />}
      </div>
      {editing && <QuotaDialog team={team} onClose={() => setEditing(false)} />}
    </article>
  );
}

type Translate = ReturnType<typeof useTranslation>['t'];

function roleText(t: Translate, role: 'owner' | 'member' | 'viewer'): string {
  return role === 'member' ? t('settings.memberName') : t(`settings.${role}`);
}

function Usage({ team }: { team: Team }) {
  const { t } = useTranslation();
  const format = useFormat();
  const lines: [keyof Quota, string, (value: number) => string][] = [
    ['clusters', t('settings.clusters'), format.number],
    ['instances', t('settings.instances'), format.number],
    ['memoryMb', t('settings.memory'), format.mebibytes],
    ['diskGb', t('settings.disk'), format.gibibytes],
  ];
  return (
    <dl className="usage">
      {lines.map(([key, label, show]) => (
        <div key={key}>
          <dt>{label}</dt>
          <dd>
            {t('settings.usedOf', { used: show(team.used[key]), quota: show(team.quota[key]) })}
            <meter
              min={0}
              max={Math.max(1, team.quota[key])}
              low={0.8 * Math.max(1, team.quota[key])}
              high={0.95 * Math.max(1, team.quota[key])}
              optimum={0}
              value={team.used[key]}
              aria-label={label}
            />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function QuotaDialog({ team, onClose }: { team: Team; onClose: () => void }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<Quota>();
  const save = useMutation({
    mutationFn: (body: Quota) => client.call('setQuota', { params: { name: team.name }, body }),
    onSuccess: () => {
      refresh();
      onClose();
    },
  });
  return (
    <Modal
      open
      title={t('settings.changeQuotaOf', { team: team.name })}
      okText={t('common.save')}
      cancelText={t('common.cancel')}
      onCancel={onClose}
      onOk={() => form.submit()}
      confirmLoading={save.isPending}
    >
      <Form<Quota>
        form={form}
        layout="vertical"
        requiredMark={false}
        className="quota-form"
        initialValues={team.quota}
        onFinish={(quota) => save.mutate(quota)}
      >
        {(['clusters', 'instances', 'memoryMb', 'diskGb'] as const).map((key) => (
          <Form.Item key={key} name={key} label={t(`settings.${key}`)} rules={[{ required: true }]}>
            <InputNumber min={0} precision={0} className="wide" />
          </Form.Item>
        ))}
      </Form>
      <Problem error={save.error} />
    </Modal>
  );
}

type Role = 'owner' | 'member' | 'viewer' | 'none';

function SetMember({ team }: { team: Team }) {
  const { t } = useTranslation();
  const users = useQuery(usersQuery).data ?? [];
  const [user, setUser] = useState<string>();
  const [role, setRole] = useState<Role>('member');
  const set = useMutation({
    mutationFn: (name: string) =>
      client.call('setTeamMember', { params: { name: team.name, user: name }, body: { role } }),
    onSuccess: () => {
      setUser(undefined);
      refresh();
    },
  });
  return (
    <div className="set-member">
      <Select
        aria-label={t('settings.member')}
        placeholder={t('settings.addMember')}
        value={user}
        showSearch
        onChange={setUser}
        options={users.map((person) => ({ value: person.user, label: person.user }))}
      />
      <Select<Role>
        aria-label={t('settings.memberRole')}
        value={role}
        onChange={setRole}
        options={[
          { value: 'owner', label: t('settings.owner') },
          { value: 'member', label: t('settings.memberName') },
          { value: 'viewer', label: t('settings.viewer') },
          { value: 'none', label: t('settings.removeRole') },
        ]}
      />
      <Button
        disabled={user === undefined}
        loading={set.isPending}
        onClick={() => user !== undefined && set.mutate(user)}
      >
        {t('settings.setRole')}
      </Button>
      <Problem error={set.error} />
    </div>
  );
}
