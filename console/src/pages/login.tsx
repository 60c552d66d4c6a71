/** Log in; the first log-in asks for an own password in place. Stays at the address one came for. */
import { useMutation } from '@tanstack/react-query';
import { Button, Form, Input } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { PlatformError } from '../../../src/api/contract/client.ts';
import type { Me } from '../../../src/api/contract/schemas.ts';
import { becomeUser, client, meKey, queryClient } from '../data/api.ts';
import { Brand } from '../parts/brand.tsx';
import { Problem } from '../parts/page.tsx';
import { LanguageMenu, ThemeMenu } from '../parts/preference-menus.tsx';

export function LoginPage({ me }: { me: Me | null }) {
  const { t } = useTranslation();
  const [password, setPassword] = useState('');
  const changing = me?.mustChangePassword === true;
  useEffect(() => {
    document.title = `${changing ? t('login.setTitle') : t('login.title')} · Mooring`;
  }, [changing, t]);
  return (
    <div className="login">
      <div className="login-tools">
        <LanguageMenu />
        <ThemeMenu />
      </div>
      <main className="login-main">
        <div className="login-brand">
          <Brand />
          <p>{t('brand.tagline')}</p>
        </div>
        <div className="card login-card">
          {changing ? <NewPassword current={password} /> : <Credentials onPassword={setPassword} />}
        </div>
      </main>
    </div>
  );
}

type Entry = { user: string; password: string };

function Credentials({ onPassword }: { onPassword: (password: string) => void }) {
  const { t } = useTranslation();
  const login = useMutation({
    mutationFn: (body: Entry) => client.call('login', { body }),
    onError: () => {},
    onSuccess: (me, { password }) => {
      onPassword(password);
      becomeUser(me);
    },
  });
  const wrong = login.error instanceof PlatformError && login.error.kind === 'unauthenticated';
  return (
    <>
      <h1>{t('login.title')}</h1>
      <Form<Entry>
        layout="vertical"
        requiredMark={false}
        initialValues={{ user: 'admin' }}
        onFinish={(values) => login.mutate(values)}
      >
        {login.error !== null && (
          <Problem error={login.error} title={wrong ? t('login.wrong') : undefined} known={wrong} />
        )}
        <Form.Item
          name="user"
          label={t('login.user')}
          rules={[{ required: true, message: t('login.userMissing') }]}
        >
          <Input autoComplete="username" autoCapitalize="none" spellCheck={false} />
        </Form.Item>
        <Form.Item
          name="password"
          label={t('login.password')}
          rules={[{ required: true, message: t('login.passwordMissing') }]}
        >
          <Input.Password autoComplete="current-password" autoFocus />
        </Form.Item>
        <Button type="primary" htmlType="submit" block size="large" loading={login.isPending}>
          {t('login.submit')}
        </Button>
      </Form>
      <p className="hint login-hint">{t('login.firstHint')}</p>
    </>
  );
}

type Change = { current?: string; password: string; repeat: string };

/** After a reload the initial password is not known any more and is asked for again. */
function NewPassword({ current }: { current: string }) {
  const { t } = useTranslation();
  const change = useMutation({
    mutationFn: (values: Change) =>
      client.call('changePassword', {
        body: { currentPassword: values.current ?? current, newPassword: values.password },
      }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: meKey }),
    // A wrong current password is no expired session: it is said at the form.
    onError: () => {},
  });
  return (
    <>
      <h1>{t('login.setTitle')}</h1>
      <p className="hint">{t('login.setText')}</p>
      <Form<Change> layout="vertical" requiredMark={false} onFinish={(values) => change.mutate(values)}>
        <Problem error={change.error} />
        {current === '' && (
          <Form.Item
            name="current"
            label={t('settings.currentPassword')}
            rules={[{ required: true, message: t('login.passwordMissing') }]}
          >
            <Input.Password autoComplete="current-password" />
          </Form.Item>
        )}
        <PasswordFields />
        <Button type="primary" htmlType="submit" block size="large" loading={change.isPending}>
          {t('login.setSubmit')}
        </Button>
      </Form>
    </>
  );
}

export function PasswordFields() {
  const { t } = useTranslation();
  return (
    <>
      <Form.Item
        name="password"
        label={t('login.newPassword')}
        validateTrigger="onBlur"
        rules={[
          { required: true, min: 12, message: t('login.tooShort') },
          { max: 200, message: t('login.tooLong') },
          ({ getFieldValue }) => ({
            validator: (_, value: string) =>
              value !== undefined && value !== '' && value === getFieldValue('current')
                ? Promise.reject(new Error(t('login.sameAsOld')))
                : Promise.resolve(),
          }),
        ]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Form.Item
        name="repeat"
        label={t('login.repeatPassword')}
        dependencies={['password']}
        validateTrigger="onBlur"
        rules={[
          { required: true, message: t('login.different') },
          ({ getFieldValue }) => ({
            validator: (_, value: string) =>
              value === undefined || value === '' || value === getFieldValue('password')
                ? Promise.resolve()
                : Promise.reject(new Error(t('login.different'))),
          }),
        ]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
    </>
  );
}
