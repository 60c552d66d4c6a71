/** Changing one's own password. */
import { useMutation } from '@tanstack/react-query';
import { App, Button, Form, Input } from 'antd';
import { useTranslation } from 'react-i18next';
import { client, meKey, queryClient } from '../../data/api.ts';
import { Problem, Section } from '../../parts/page.tsx';
import { PasswordFields } from '../login.tsx';

type Entry = { current: string; password: string; repeat: string };

export function PasswordSection() {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [form] = Form.useForm<Entry>();
  const change = useMutation({
    mutationFn: ({ current, password }: Entry) =>
      client.call('changePassword', { body: { currentPassword: current, newPassword: password } }),
    onSuccess: () => {
      form.resetFields();
      void message.success(t('settings.passwordChanged'));
      void queryClient.invalidateQueries({ queryKey: meKey });
    },
    // A wrong current password is no expired session: it is said at the form.
    onError: () => {},
  });
  return (
    <Section title={t('settings.password')} hint={t('settings.passwordIntro')} id="password">
      <Form<Entry>
        form={form}
        layout="vertical"
        className="narrow-form"
        requiredMark={false}
        onFinish={(entry) => change.mutate(entry)}
      >
        <Problem error={change.error} />
        <Form.Item
          name="current"
          label={t('settings.currentPassword')}
          rules={[{ required: true, message: t('login.passwordMissing') }]}
        >
          <Input.Password autoComplete="current-password" />
        </Form.Item>
        <PasswordFields />
        <Button type="primary" htmlType="submit" loading={change.isPending}>
          {t('settings.passwordChange')}
        </Button>
      </Form>
    </Section>
  );
}
