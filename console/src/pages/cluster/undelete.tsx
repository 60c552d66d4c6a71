/** A deleted cluster: until when its volume is kept, and the way back. */
import { useMutation } from '@tanstack/react-query';
import { Button } from 'antd';
import { useTranslation } from 'react-i18next';
import type { Cluster } from '../../../../src/api/contract/schemas.ts';
import { client, queryClient } from '../../data/api.ts';
import { useFormat } from '../../data/format.ts';
import { may } from '../../data/states.ts';
import { Problem } from '../../parts/page.tsx';

export function Undelete({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const format = useFormat();
  const undelete = useMutation({
    mutationFn: () => client.call('undeleteCluster', { params: { name: cluster.name } }),
    onSuccess: () => {
      void queryClient.invalidateQueries({ queryKey: ['cluster', cluster.name] });
      void queryClient.invalidateQueries({ queryKey: ['clusters'] });
    },
  });
  const kept = cluster.purgeAfter;
  return (
    <section className="card undelete" aria-labelledby="undelete-title">
      <div className="danger-row">
        <div>
          <h2 id="undelete-title">{t('cluster.undeleteTitle')}</h2>
          <p className="hint">
            {kept === null
              ? t('cluster.undeleteTextGone')
              : t('cluster.undeleteText', { time: format.dateTime(kept) })}
          </p>
        </div>
        <Button
          type="primary"
          disabled={!may(cluster, 'undelete')}
          loading={undelete.isPending}
          onClick={() => undelete.mutate()}
        >
          {t('cluster.undelete')}
        </Button>
      </div>
      <Problem error={undelete.error} />
    </section>
  );
}
