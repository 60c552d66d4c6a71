/** API tokens of the person: made here, shown once, revoked here. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { Alert, App, Button, Form, Input, Select, Table } from 'antd';
import { useTranslation } from 'react-i18next';
import type { Token } from '../../../../src/api/contract/schemas.ts';
import { client, queryClient, tokensQuery } from '../../data/api.ts';
import { useFormat } from '../../data/format.ts';
import { CodeBlock } from '../../parts/copy.tsx';
import { Loaded, Problem, Section } from '../../parts/page.tsx';

type Entry = { name: string; days: number };
const lifetimes = [30, 90, 365, 0];

export function TokensSection() {
  const { t } = useTranslation();
  const query = useQuery(tokensQuery);
  const [form] = Form.useForm<Entry>();
  const create = useMutation({
    mutationFn: ({ name, days }: Entry) =>
      client.call('createToken', { body: { name, expiresInDays: days === 0 ? undefined : days } }),
    onSuccess: () => {
      form.resetFields();
      void queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey });
    },
  });
  return (
    <Section title={t('settings.tokens')} hint={t('settings.tokensIntro')} id="tokens">
      <Form<Entry>
        form={form}
        layout="vertical"
        className="row-form"
        requiredMark={false}
        initialValues={{ days: 90 }}
        onFinish={(entry) => create.mutate(entry)}
      >
        <Form.Item
          name="name"
          label={t('settings.tokenName')}
          rules={[{ required: true, whitespace: true, max: 60, message: t('settings.tokenNameMissing') }]}
        >
          <Input placeholder={t('settings.tokenNamePlaceholder')} maxLength={60} autoComplete="off" />
        </Form.Item>
        <Form.Item name="days" label={t('settings.tokenExpires')}>
          <Select
            options={lifetimes.map((days) => ({
              value: days,
              label: days === 0 ? t('settings.tokenNever') : t('settings.tokenDays', { count: days }),
            }))}
          />
        </Form.Item>
        <Button type="primary" htmlType="submit" loading={create.isPending}>
          {t('settings.tokenCreate')}
        </Button>
      </Form>
      <Problem error={create.error} />
      {create.data !== undefined && (
        <Alert
          type="success"
          className="once"
          title={t('settings.tokenCreated', { name: create.data.name })}
          description={
            <>
              <p>{t('settings.tokenOnce')}</p>
              <CodeBlock text={create.data.token} what={t('settings.tokens')} />
            </>
          }
        />
      )}
      <Loaded query={query} rows={3}>
        {(tokens) => (tokens.length === 0 ? <NoTokens /> : <TokenTable tokens={tokens} />)}
      </Loaded>
    </Section>
  );
}

function NoTokens() {
  const { t } = useTranslation();
  const example = `curl -H "Authorization: Bearer $MOORING_TOKEN" ${window.location.origin}/api/v1/clusters`;
  return (
    <>
      <p className="hint">{t('settings.tokensEmpty')}</p>
      <CodeBlock text={example} what="curl" />
    </>
  );
}

function TokenTable({ tokens }: { tokens: Token[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { modal, message } = App.useApp();
  const revoke = (token: Token) =>
    void modal.confirm({
      title: t('settings.tokenRevokeConfirm', { name: token.name }),
      okText: t('settings.tokenRevoke'),
      okButtonProps: { danger: true },
      onOk: async () => {
        try {
          await client.call('deleteToken', { params: { id: token.id } });
        } catch (error) {
          void message.error(error instanceof Error ? error.message : String(error));
        }
        void queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey });
      },
    });
  return (
    <Table<Token>
      rowKey="id"
      size="middle"
      aria-label={t('settings.tokens')}
      dataSource={tokens}
      pagination={false}
      scroll={{ x: 620 }}
      columns={[
        {
          title: t('settings.tokenName'),
          key: 'name',
          render: (_, { name }) => <strong>{name}</strong>,
        },
        {
          title: t('settings.tokenCreatedAt'),
          key: 'createdAt',
          render: (_, { createdAt }) => format.date(createdAt),
        },
        {
          title: t('settings.tokenLastUsed'),
          key: 'lastUsedAt',
          render: (_, { lastUsedAt }) =>
            lastUsedAt === null ? t('common.never') : format.dateTime(lastUsedAt),
        },
        {
          title: t('settings.tokenExpires'),
          key: 'expiresAt',
          render: (_, { expiresAt }) =>
            expiresAt === null ? t('settings.tokenNever') : format.date(expiresAt),
        },
        {
          title: <span className="visually-hidden">{t('clusters.actions')}</span>,
          key: 'actions',
          align: 'right',
          render: (_, token) => (
            <Button
              size="small"
              danger
              aria-label={t('settings.tokenRevokeName', { name: token.name })}
              onClick={() => revoke(token)}
            >
              {t('settings.tokenRevoke')}
            </Button>
          ),
        },
      ]}
    />
  );
}
