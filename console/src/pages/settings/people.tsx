/** People who may log in (administrators). */
import { useMutation, useQuery } from '@tanstack/react-query';
import { Alert, Button, Checkbox, Form, Input, Table } from 'antd';
import { useTranslation } from 'react-i18next';
import { client, queryClient, usersQuery } from '../../data/api.ts';
import { useFormat } from '../../data/format.ts';
import { CodeBlock } from '../../parts/copy.tsx';
import { Loaded, Problem, Section } from '../../parts/page.tsx';

type Entry = { name: string; administrator?: boolean };

export function PeopleSection() {
  const { t } = useTranslation();
  const format = useFormat();
  const query = useQuery(usersQuery);
  const [form] = Form.useForm<Entry>();
  const create = useMutation({
    mutationFn: (body: Entry) => client.call('createUser', { body }),
    onSuccess: () => {
      form.resetFields();
      void queryClient.invalidateQueries({ queryKey: usersQuery.queryKey });
    },
  });
  return (
    <Section title={t('settings.people')} hint={t('settings.peopleIntro')} id="people">
      <Form<Entry>
        form={form}
        layout="vertical"
        className="row-form"
        requiredMark={false}
        onFinish={(entry) => create.mutate(entry)}
      >
        <Form.Item
          name="name"
          label={t('settings.personName')}
          rules={[
            { required: true, pattern: /^[a-z][a-z0-9._-]{0,38}$/, message: t('settings.personNameRule') },
          ]}
        >
          <Input autoComplete="off" autoCapitalize="none" spellCheck={false} />
        </Form.Item>
        <Form.Item name="administrator" valuePropName="checked" label={<span aria-hidden="true"> </span>}>
          <Checkbox>{t('settings.personAdministrator')}</Checkbox>
        </Form.Item>
        <Button type="primary" htmlType="submit" loading={create.isPending}>
          {t('settings.personAdd')}
        </Button>
      </Form>
      <Problem error={create.error} />
      {create.data !== undefined && (
        <Alert
          type="success"
          className="once"
          title={t('settings.personAdded', { name: create.data.user })}
          description={
            <>
              <p>{t('settings.personOnce')}</p>
              <CodeBlock text={create.data.initialPassword} what={t('settings.initialPassword')} />
            </>
          }
        />
      )}
      <Loaded query={query} rows={3}>
        {(users) => (
          <Table
            rowKey="user"
            size="middle"
            aria-label={t('settings.people')}
            dataSource={users}
            pagination={users.length > 25 ? { pageSize: 25 } : false}
            columns={[
              {
                title: t('settings.personName'),
                key: 'user',
                render: (_, { user }) => <strong>{user}</strong>,
              },
              {
                title: t('settings.personAdministrator'),
                key: 'administrator',
                render: (_, { administrator }) => (administrator ? t('common.yes') : t('common.no')),
              },
              {
                title: t('settings.personSince'),
                key: 'createdAt',
                render: (_, { createdAt }) => format.date(createdAt),
              },
            ]}
          />
        )}
      </Loaded>
    </Section>
  );
}
