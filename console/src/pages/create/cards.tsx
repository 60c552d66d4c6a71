/** Cards to choose from: native radio buttons underneath, so that arrow keys and screen readers work. */
import { useTranslation } from 'react-i18next';
import type { Catalogue } from '../../../../src/api/contract/schemas.ts';
import { useFormat } from '../../data/format.ts';
import { ToneMark } from '../../parts/status.tsx';
import { plannedMembers, TopologyGlyph } from '../../parts/topology-glyph.tsx';
import { EngineMark } from './engine-mark.tsx';

type CardProps = {
  group: string;
  value: string;
  checked: boolean;
  disabled?: boolean;
  onChoose: () => void;
  title: string;
  children: React.ReactNode;
};

export function ChoiceCard({ group, value, checked, disabled, onChoose, title, children }: CardProps) {
  const id = `${group}-${value}`;
  return (
    <label className={`choice ${checked ? 'chosen' : ''} ${disabled ? 'disabled' : ''}`} htmlFor={id}>
      <input
        type="radio"
        id={id}
        name={group}
        value={value}
        checked={checked}
        disabled={disabled}
        onChange={onChoose}
        aria-label={title}
        aria-describedby={`${id}-text`}
      />
      <span id={`${id}-text`} className="choice-body">
        {children}
      </span>
    </label>
  );
}

type EngineOffer = Catalogue['engines'][number];

export function EngineCard(props: { offer: EngineOffer; checked: boolean; onChoose: () => void }) {
  const { t } = useTranslation();
  const { offer } = props;
  return (
    <ChoiceCard
      group="engine"
      value={offer.kind}
      checked={props.checked}
      onChoose={props.onChoose}
      title={offer.label}
    >
      <span className="choice-engine">
        <EngineMark engine={offer.kind} />
        <span>
          <span className="choice-title">{offer.label}</span>
          <span className="choice-text">
            {offer.kind === 'mysql' ? t('create.mysqlText') : t('create.postgresText')}
          </span>
        </span>
      </span>
    </ChoiceCard>
  );
}

type TopologyOffer = Catalogue['topologies'][number];

export function TopologyCard(props: {
  offer: TopologyOffer;
  zones: string[];
  checked: boolean;
  onChoose: () => void;
}) {
  const { t } = useTranslation();
  const { offer } = props;
  const every = ['process', 'host', 'zone'] as const;
  const k = offer.k >= 2 ? t('create.k2') : offer.k === 1 ? t('create.k1') : t('create.k0');
  return (
    <ChoiceCard
      group="topology"
      value={offer.topology}
      checked={props.checked}
      disabled={!offer.possible}
      onChoose={props.onChoose}
      title={offer.topology}
    >
      <span className="choice-picture">
        <TopologyGlyph
          topology={offer.topology}
          members={plannedMembers(offer.topology, props.zones, offer.possible ? 'ok' : 'idle')}
          height={62}
          label={false}
        />
      </span>
      <span className="choice-title">
        {t(`topologyName.${offer.topology}`)}
        <span className="choice-code">{offer.topology}</span>
      </span>
      <span className="choice-text">{t(`topologyFor.${offer.topology}`)}</span>
      <span className="survive-title">{t('survives.title')}</span>
      <span className="survive">
        {every.map((what) => (
          <span key={what} className={offer.survives.includes(what) ? 'yes' : 'no'}>
            <ToneMark tone={offer.survives.includes(what) ? 'ok' : 'idle'} size={13} />
            {t(`survives.${what}`)}
            {!offer.survives.includes(what) && <span className="visually-hidden">: {t('common.no')}</span>}
          </span>
        ))}
      </span>
      <span className="choice-facts">
        <span className="fact-key">{t('promise.rpo')}</span>
        <span>{offer.standbys === 0 ? t('promise.rpoVolumeLong') : t('promise.rpoZeroLong')}</span>
        <span className="fact-key">{t('promise.rto')}</span>
        <span>{offer.standbys === 0 ? t('promise.rtoSingle') : t('promise.rtoReplicated')}</span>
      </span>
      <span className="choice-foot">
        {t('create.foot', { instances: t('create.instances', { count: offer.instances }), promise: k })}
      </span>
      {!offer.possible && (
        <span className="choice-reason">
          <ToneMark tone="warn" size={14} />
          <span>
            {t('create.impossible')}: {offer.reason}
          </span>
        </span>
      )}
    </ChoiceCard>
  );
}

type SizeOffer = Catalogue['sizes'][number];

export function SizeCard(props: { offer: SizeOffer; checked: boolean; onChoose: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { offer } = props;
  return (
    <ChoiceCard
      group="size"
      value={offer.size}
      checked={props.checked}
      onChoose={props.onChoose}
      title={t(`size.${offer.size}`)}
    >
      <span className="choice-title">{t(`size.${offer.size}`)}</span>
      <span className="choice-text">
        {t('create.memory', { value: format.mebibytes(offer.memoryMb) })} ·{' '}
        {t('create.disk', { value: format.gibibytes(offer.diskGb) })}
        <br />
        {t('create.cpus', { count: offer.cpus })} ·{' '}
        {t('create.connections', { value: format.number(offer.maxConnections) })}
      </span>
    </ChoiceCard>
  );
}
