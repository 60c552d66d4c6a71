/** Restart and delete: each says before what will happen to the applications. */
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { App, Button, Checkbox, Input, Modal } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Cluster, Instance } from '../../../../src/api/contract/schemas.ts';
import { client, noticeExpiry, queryClient } from '../../data/api.ts';
import { may } from '../../data/states.ts';
import { Problem } from '../../parts/page.tsx';

export function DangerZone({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const restart = useRestart(cluster);
  const [deleting, setDeleting] = useState(false);
  return (
    <>
      <div className="danger-row">
        <div>
          <h3>{t('cluster.restartTitle')}</h3>
          <p className="hint">
            {cluster.topology === 'single' ? t('cluster.restartSingleText') : t('cluster.restartText')}
          </p>
        </div>
        <Button disabled={!may(cluster, 'restart')} onClick={() => restart(undefined)}>
          {t('cluster.restartAll')}
        </Button>
      </div>
      <div className="danger-row">
        <div>
          <h3>{t('cluster.deleteTitle')}</h3>
          <p className="hint">{t('cluster.deleteText')}</p>
        </div>
        <Button danger disabled={!may(cluster, 'delete')} onClick={() => setDeleting(true)}>
          {t('cluster.delete')}
        </Button>
      </div>
      {deleting && <DeleteDialog cluster={cluster} onClose={() => setDeleting(false)} />}
    </>
  );
}

/** Asks, then restarts one member, or all when none is given. */
export function useRestart(cluster: Cluster): (member: Instance | undefined) => void {
  const { t } = useTranslation();
  const { modal, message } = App.useApp();
  return (member) =>
    void modal.confirm({
      title:
        member === undefined
          ? t('cluster.restartConfirmAll', { name: cluster.name })
          : t('cluster.restartConfirmOne', { name: member.name }),
      content:
        member === undefined
          ? cluster.topology === 'single'
            ? t('cluster.restartSingleText')
            : t('cluster.restartText')
          : member.role === 'primary'
            ? t('cluster.restartConfirmPrimary')
            : t('cluster.restartConfirmStandby'),
      okText: t('cluster.restartDo'),
      onOk: async () => {
        try {
          await client.call('restartCluster', {
            params: { name: cluster.name },
            body: { instance: member?.name },
          });
          void queryClient.invalidateQueries({ queryKey: ['cluster', cluster.name] });
        } catch (error) {
          noticeExpiry(error);
          void message.error(error instanceof Error ? error.message : String(error));
        }
      },
    });
}

function DeleteDialog({ cluster, onClose }: { cluster: Cluster; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const [purge, setPurge] = useState(false);
  const remove = useMutation({
    mutationFn: () =>
      client.call('deleteCluster', { params: { name: cluster.name }, body: { confirm: typed, purge } }),
    onSuccess: () => {
      void queryClient.invalidateQueries({ queryKey: ['cluster', cluster.name] });
      void queryClient.invalidateQueries({ queryKey: ['clusters'] });
      onClose();
      // A purged cluster has no page to stay on.
      if (purge) void navigate({ to: '/clusters' });
    },
  });
  const ready = typed === cluster.name && !remove.isPending;
  return (
    <Modal
      open
      title={t('cluster.deleteConfirmTitle', { name: cluster.name })}
      onCancel={onClose}
      onOk={() => remove.mutate()}
      okText={purge ? t('cluster.deletePurgeDo') : t('cluster.deleteDo')}
      cancelText={t('common.cancel')}
      okButtonProps={{ danger: true, type: 'primary', disabled: !ready, loading: remove.isPending }}
    >
      <div className="stack">
        <p>
          {t('cluster.deleteWarning')} {purge ? null : t('cluster.deleteKept')}
        </p>
        <Checkbox checked={purge} onChange={(event) => setPurge(event.target.checked)}>
          {t('cluster.deletePurge')}
        </Checkbox>
        {purge && <p className="bad-text">{t('cluster.deletePurged')}</p>}
        <div className="name-field">
          <label htmlFor="confirm-name">{t('cluster.deleteType', { name: cluster.name })}</label>
          <Input
            id="confirm-name"
            value={typed}
            autoFocus
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setTyped(event.target.value)}
            onPressEnter={() => ready && remove.mutate()}
          />
        </div>
        <Problem error={remove.error} />
      </div>
    </Modal>
  );
}
