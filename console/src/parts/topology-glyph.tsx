/**
 * A topology as a small picture: zones as bays, the primary as a filled mark, standbys as rings moored
 * to it. The same drawing serves the table of clusters and the cards of the create page.
 */
import { useTranslation } from 'react-i18next';
import type { Cluster, Instance } from '../../../src/api/contract/schemas.ts';
import { instanceTone, type Tone } from '../data/states.ts';

export type GlyphMember = { role: 'primary' | 'standby'; zone: string; tone: Tone };

type Props = { topology: Cluster['topology']; members: GlyphMember[]; height?: number; label?: boolean };

const cell = 26;
const gap = 7;
const bay = 30;
const boxHeight = 44;

export function TopologyGlyph({ topology, members, height = 40, label = true }: Props) {
  const { t } = useTranslation();
  const zones = [...new Set(members.map((member) => member.zone))].sort();
  const placed: (GlyphMember & { x: number })[] = [];
  const boxes: { zone: string; x: number; width: number }[] = [];
  let x = 0.5;
  for (const zone of zones) {
    const inside = members.filter((member) => member.zone === zone);
    const width = Math.max(bay, inside.length * cell + 4);
    inside.forEach((member, index) => {
      placed.push({ ...member, x: x + width / 2 + (index - (inside.length - 1) / 2) * cell });
    });
    boxes.push({ zone, x, width });
    x += width + gap;
  }
  const width = Math.max(x - gap + 0.5, 31);
  const primary = placed.find((member) => member.role === 'primary');
  const text =
    primary === undefined
      ? `${t(`topologyName.${topology}`)}, ${t('picture.none')}`
      : t('picture.label', {
          topology: t(`topologyName.${topology}`),
          zone: primary.zone,
          standbys: placed
            .filter((member) => member.role === 'standby')
            .map((member) => t('picture.standbyIn', { zone: member.zone }))
            .join(''),
        });
  return (
    <svg
      className="glyph"
      height={height}
      width={(width / boxHeight) * height}
      viewBox={`0 0 ${width} ${boxHeight}`}
      role={label ? 'img' : undefined}
      aria-label={label ? text : undefined}
      aria-hidden={label ? undefined : true}
    >
      {boxes.map((box) => (
        <rect
          key={box.zone}
          className="glyph-zone"
          x={box.x}
          y="0.5"
          width={box.width}
          height={boxHeight - 1}
          rx="6"
        />
      ))}
      {primary !== undefined &&
        placed
          .filter((member) => member !== primary)
          .map((member) => (
            <path
              key={`line${member.x}`}
              className={`glyph-line ${member.tone === 'ok' ? '' : 'slack'}`}
              d={`M${primary.x} 18 Q${(primary.x + member.x) / 2} ${26 + Math.abs(member.x - primary.x) * 0.28} ${member.x} 18`}
            />
          ))}
      {placed.map((member) => (
        <g key={`mark${member.x}`} className={`tone-${member.tone}`}>
          {member.role === 'primary' ? (
            <circle cx={member.x} cy="18" r="8" fill="currentColor" />
          ) : (
            <circle cx={member.x} cy="18" r="6.4" className="glyph-standby" />
          )}
          {member.tone === 'bad' && (
            <path
              className={member.role === 'primary' ? 'knockout' : 'glyph-cross'}
              d={`M${member.x - 2.6} 15.4l5.2 5.2m0-5.2l-5.2 5.2`}
            />
          )}
          {member.tone === 'warn' && (
            <path
              className={member.role === 'primary' ? 'knockout' : 'glyph-cross'}
              d={`M${member.x} 14.6v4M${member.x} 21.4v.1`}
            />
          )}
        </g>
      ))}
    </svg>
  );
}

export function clusterMembers(cluster: Pick<Cluster, 'instances' | 'topology' | 'state'>): GlyphMember[] {
  if (cluster.instances.length === 0) return plannedMembers(cluster.topology, ['a', 'b', 'c'], 'idle');
  return cluster.instances.map((instance: Instance) => ({
    role: instance.role,
    zone: instance.zone,
    tone: cluster.state === 'deleted' ? 'idle' : instanceTone(instance),
  }));
}

const standbys: Record<Cluster['topology'], number> = { single: 0, '1+1': 1, '1+2': 2, '1+3': 3 };

/** Where members would be placed: one zone after the other, the primary first. */
export function plannedMembers(
  topology: Cluster['topology'],
  zones: readonly string[],
  tone: Tone,
): GlyphMember[] {
  return Array.from({ length: standbys[topology] + 1 }, (_, index) => ({
    role: index === 0 ? ('primary' as const) : ('standby' as const),
    zone: zones[index % Math.max(1, zones.length)] ?? 'a',
    tone,
  }));
}
