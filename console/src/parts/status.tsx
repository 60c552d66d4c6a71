/** Status marks: a tone is always a colour, a shape and a word. */
import { useTranslation } from 'react-i18next';
import type { Instance } from '../../../src/api/contract/schemas.ts';
import {
  type ClusterState,
  clusterTone,
  instanceTone,
  type OperationState,
  operationTone,
  type Tone,
} from '../data/states.ts';

/** Check, triangle, cross, turning arc, dash: told apart without colour. Drawn in a 16 x 16 box. */
export function ToneShape({ tone }: { tone: Tone }) {
  switch (tone) {
    case 'ok':
      return (
        <>
          <circle cx="8" cy="8" r="7" fill="currentColor" />
          <path d="M4.9 8.3l2.2 2.2 4-4.6" className="knockout" />
        </>
      );
    case 'warn':
      return (
        <>
          <path
            d="M8 1.6l7 12.2a.6.6 0 0 1-.5.9h-13a.6.6 0 0 1-.5-.9z"
            fill="currentColor"
            transform="translate(0 -.4)"
          />
          <path d="M8 6v3.6M8 11.9v.1" className="knockout" />
        </>
      );
    case 'bad':
      return (
        <>
          <rect x="1.2" y="1.2" width="13.6" height="13.6" rx="3.4" fill="currentColor" />
          <path d="M5.4 5.4l5.2 5.2m0-5.2l-5.2 5.2" className="knockout" />
        </>
      );
    case 'busy':
      return (
        <>
          <circle cx="8" cy="8" r="6" className="ring faint" />
          <path d="M8 2a6 6 0 0 1 6 6" className="ring turning" />
        </>
      );
    case 'idle':
      return (
        <>
          <circle cx="8" cy="8" r="6" className="ring" />
          <path d="M5.4 8h5.2" className="ring" />
        </>
      );
  }
}

export function ToneMark({ tone, size = 16 }: { tone: Tone; size?: number }) {
  return (
    <svg
      className={`tone-mark tone-${tone}`}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      aria-hidden="true"
    >
      <ToneShape tone={tone} />
    </svg>
  );
}

export function ToneTag({ tone, children }: { tone: Tone; children: React.ReactNode }) {
  return (
    <span className={`tag tag-${tone}`}>
      <ToneMark tone={tone} size={13} />
      <span>{children}</span>
    </span>
  );
}

export function ClusterTag({ state }: { state: ClusterState }) {
  const { t } = useTranslation();
  return <ToneTag tone={clusterTone[state]}>{t(`state.${state}`)}</ToneTag>;
}

export function OperationTag({ state }: { state: OperationState }) {
  const { t } = useTranslation();
  return <ToneTag tone={operationTone[state]}>{t(`operationState.${state}`)}</ToneTag>;
}

export function useInstanceState(): (instance: Pick<Instance, 'state'>) => string {
  const { t, i18n } = useTranslation();
  return ({ state }) => {
    const key = `instanceState.${state}`;
    return i18n.exists(key) ? t(key as 'instanceState.open') : state;
  };
}

export function InstanceTag({ instance }: { instance: Instance }) {
  const name = useInstanceState();
  return <ToneTag tone={instanceTone(instance)}>{name(instance)}</ToneTag>;
}
