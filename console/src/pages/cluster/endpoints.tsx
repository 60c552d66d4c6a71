/** How to connect: two addresses, the account, and code that can be pasted. */
import { EyeInvisibleOutlined, EyeOutlined } from '@ant-design/icons';
import { useMutation } from '@tanstack/react-query';
import { Button, Segmented, Tabs, Tooltip } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Cluster } from '../../../../src/api/contract/schemas.ts';
import { client } from '../../data/api.ts';
import { may } from '../../data/states.ts';
import { CodeBlock, CopyButton } from '../../parts/copy.tsx';
import { Problem } from '../../parts/page.tsx';
import { snippetsFor } from './snippets.ts';

const hiddenPassword = '••••••••••••';
const passwordPlace = '<password>';

export function Endpoints({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const [reading, setReading] = useState(false);
  const reveal = useMutation({
    mutationFn: () => client.call('getAccount', { params: { name: cluster.name } }),
  });
  if (cluster.endpoints === null) return <p className="hint">{t('cluster.endpointsLater')}</p>;
  const { readWrite, readOnly } = cluster.endpoints;
  const password = reveal.data?.password;
  const snippets = snippetsFor(cluster, reading ? readOnly : readWrite, password ?? passwordPlace);
  return (
    <div className="endpoints">
      <div className="endpoint-grid">
        <AddressField
          label={t('cluster.readWrite')}
          hint={t('cluster.readWriteHint')}
          value={`${readWrite.host}:${readWrite.port}`}
        />
        <AddressField
          label={t('cluster.readOnly')}
          hint={t('cluster.readOnlyHint')}
          value={`${readOnly.host}:${readOnly.port}`}
        />
        <AddressField label={t('cluster.user')} value={cluster.account.user} />
        <AddressField label={t('cluster.database')} value={cluster.account.database} />
        <div className="field">
          <span className="field-label">{t('cluster.password')}</span>
          <span className="field-value">
            <span className="mono break">
              {password ?? <span aria-hidden="true">{hiddenPassword}</span>}
              {password === undefined && <span className="visually-hidden">{t('cluster.hidden')}</span>}
            </span>
            {password !== undefined && <CopyButton text={password} what={t('cluster.password')} />}
            {password === undefined ? (
              <Tooltip title={t('cluster.revealHint')}>
                <Button
                  size="small"
                  icon={<EyeOutlined />}
                  loading={reveal.isPending}
                  disabled={!may(cluster, 'reveal')}
                  onClick={() => reveal.mutate()}
                >
                  {t('cluster.reveal')}
                </Button>
              </Tooltip>
            ) : (
              <Button size="small" icon={<EyeInvisibleOutlined />} onClick={() => reveal.reset()}>
                {t('cluster.hide')}
              </Button>
            )}
          </span>
          <span className="small">{t('cluster.revealHint')}</span>
        </div>
        {reveal.data !== undefined && (
          <div className="field">
            <span className="field-label">{t('cluster.ca')}</span>
            <span className="field-value">
              <span className="mono">mooring-ca.pem</span>
              <CopyButton text={reveal.data.ca} what={t('cluster.ca')} />
            </span>
            <span className="small">{t('cluster.caHint')}</span>
          </div>
        )}
      </div>
      <Problem error={reveal.error} />
      <div className="snippets">
        <div className="snippets-head">
          <h3>{t('cluster.snippets')}</h3>
          <Segmented
            size="small"
            aria-label={t('cluster.snippetFor')}
            value={reading ? 'ro' : 'rw'}
            onChange={(value) => setReading(value === 'ro')}
            options={[
              { value: 'rw', label: t('picture.readWrite') },
              { value: 'ro', label: t('picture.readOnly') },
            ]}
          />
        </div>
        <Tabs
          items={snippets.map((snippet) => ({
            key: snippet.name,
            label: snippet.name,
            children: <CodeBlock text={snippet.text} what={snippet.name} />,
          }))}
        />
      </div>
    </div>
  );
}

function AddressField({ label, hint, value }: { label: string; hint?: string; value: string }) {
  return (
    <div className="field">
      <span className="field-label">{label}</span>
      <span className="field-value">
        <span className="mono break">{value}</span>
        <CopyButton text={value} what={label} />
      </span>
      {hint !== undefined && <span className="small">{hint}</span>}
    </div>
  );
}
