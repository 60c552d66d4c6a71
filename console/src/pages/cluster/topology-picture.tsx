/**
 * The live picture: two addresses on top, members in the bays of their zones, replication as mooring
 * lines that sag from the primary to each standby and run while data streams. Drawn at the width that it
 * has, so that text keeps its size; on a narrow page the members stand below each other. The table of
 * members says the same in words.
 */
import { useLayoutEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Cluster, Instance } from '../../../../src/api/contract/schemas.ts';
import { useFormat } from '../../data/format.ts';
import { instanceTone } from '../../data/states.ts';
import { ToneShape, useInstanceState } from '../../parts/status.tsx';

type Box = { instance: Instance; x: number; y: number; width: number };
type Bay = { zone: string; x: number; y: number; width: number; height: number };
type Layout = { narrow: boolean; width: number; height: number; boxes: Box[]; bays: Bay[] };

const cardHeight = 116;
const addressRoom = 104;
const bayHead = 34;
const slack = 74;

export function TopologyPicture({ cluster }: { cluster: Cluster }) {
  const { t } = useTranslation();
  const holder = useRef<HTMLDivElement>(null);
  const width = useWidth(holder);
  const stateName = useInstanceState();
  const layout = layoutFor(cluster.instances, width, cluster.endpoints !== null);
  const members = cluster.instances
    .map((instance) =>
      t('picture.member', {
        name: instance.name,
        role: t(`role.${instance.role}`),
        zone: instance.zone,
        state: stateName(instance),
      }),
    )
    .join('; ');
  const primary = layout.boxes.find((box) => box.instance.role === 'primary');
  const standbys = layout.boxes.filter((box) => box !== primary);
  return (
    <div ref={holder} className="picture">
      {width > 0 && (
        <svg
          role="img"
          aria-label={t('picture.large', { name: cluster.name, members })}
          width={layout.width}
          height={layout.height}
          viewBox={`0 0 ${layout.width} ${layout.height}`}
        >
          {layout.bays.map((bay) => (
            <g key={bay.zone}>
              <rect className="bay" x={bay.x} y={bay.y} width={bay.width} height={bay.height} rx="12" />
              <text className="bay-name" x={bay.x + 16} y={bay.y + 22}>
                {t('picture.zone', { zone: bay.zone })}
              </text>
            </g>
          ))}
          {primary !== undefined &&
            standbys.map((box) => <Rope key={box.instance.id} from={primary} to={box} layout={layout} />)}
          {cluster.endpoints !== null && <Addresses cluster={cluster} layout={layout} />}
          {layout.boxes.map((box) => (
            <MemberCard key={box.instance.id} box={box} cluster={cluster} />
          ))}
        </svg>
      )}
    </div>
  );
}

function layoutFor(instances: Instance[], width: number, addresses: boolean): Layout {
  const top = addresses ? addressRoom : 1;
  const zones = [...new Set(instances.map((instance) => instance.zone))].sort();
  const narrow = width < 250 * instances.length && width < 700;
  const boxes: Box[] = [];
  const bays: Bay[] = [];
  if (narrow) {
    let y = addresses ? 84 : 1;
    for (const zone of zones) {
      const inside = instances.filter((instance) => instance.zone === zone);
      const height = bayHead + inside.length * (cardHeight + 10) + 4;
      bays.push({ zone, x: 30, y, width: width - 31, height });
      inside.forEach((instance, index) => {
        boxes.push({ instance, x: 42, y: y + bayHead + index * (cardHeight + 10), width: width - 55 });
      });
      y += height + 12;
    }
    return { narrow, width, height: y - 10, boxes, bays };
  }
  const gap = 16;
  const room = width - 2 - gap * (zones.length - 1) - 24 * zones.length;
  const card = Math.min(330, (room - 10 * (instances.length - zones.length)) / instances.length);
  const used =
    zones.length * 24 +
    gap * (zones.length - 1) +
    card * instances.length +
    10 * (instances.length - zones.length);
  let x = Math.max(1, (width - used) / 2);
  for (const zone of zones) {
    const inside = instances.filter((instance) => instance.zone === zone);
    const bayWidth = 24 + inside.length * card + (inside.length - 1) * 10;
    bays.push({ zone, x, y: top, width: bayWidth, height: bayHead + cardHeight + 14 });
    inside.forEach((instance, index) => {
      boxes.push({ instance, x: x + 12 + index * (card + 10), y: top + bayHead, width: card });
    });
    x += bayWidth + gap;
  }
  const height = top + bayHead + cardHeight + 14 + (instances.length > 1 ? slack : 4);
  return { narrow, width, height, boxes, bays };
}

function Rope({ from, to, layout }: { from: Box; to: Box; layout: Layout }) {
  const kind = ropeKind(to.instance);
  let d: string;
  if (layout.narrow) {
    const start = from.y + cardHeight / 2;
    const end = to.y + cardHeight / 2;
    d = `M${from.x} ${start} C4 ${start + (end - start) * 0.15} 4 ${end - (end - start) * 0.15} ${to.x} ${end}`;
  } else {
    const order = layout.boxes.filter((box) => box !== from).indexOf(to);
    const x1 = from.x + from.width / 2 + (order - (layout.boxes.length - 2) / 2) * 22;
    const x2 = to.x + to.width / 2;
    const y = from.y + cardHeight;
    const sag = Math.min(slack + 14, 52 + Math.abs(x2 - x1) * 0.055) * 1.25;
    d = `M${x1} ${y} C${x1 + (x2 - x1) * 0.12} ${y + sag} ${x2 - (x2 - x1) * 0.12} ${y + sag} ${x2} ${y}`;
  }
  return (
    <g className={`rope ${kind}`}>
      <path className="rope-line" d={d} />
      {kind === 'streaming' && <path className="rope-flow" d={d} />}
    </g>
  );
}

/** A standby that is still starting has no line yet; one that has lost its source has a broken one. */
function ropeKind(standby: Instance): 'streaming' | 'slack' | 'broken' {
  if (standby.receiver === 'streaming') return 'streaming';
  return instanceTone(standby) === 'busy' ? 'slack' : 'broken';
}

function Addresses({ cluster, layout }: { cluster: Cluster; layout: Layout }) {
  const { t } = useTranslation();
  const primary = layout.boxes.find((box) => box.instance.role === 'primary');
  const readers = layout.boxes.filter(
    (box) => box.instance.role === 'standby' && box.instance.state === 'open',
  );
  if (cluster.endpoints === null || primary === undefined) return null;
  const { readWrite, readOnly } = cluster.endpoints;
  const width = layout.narrow ? (layout.width - 12) / 2 : 232;
  const writeX = layout.narrow ? 1 : clamp(primary.x + primary.width / 2 - width / 2, layout.width, width);
  const target = readers[readers.length - 1] ?? primary;
  let readX = layout.narrow
    ? layout.width - width - 1
    : clamp(target.x + target.width / 2 - width / 2, layout.width, width);
  if (!layout.narrow && Math.abs(readX - writeX) < width + 16) {
    readX = writeX + width + 16 > layout.width - width ? writeX - width - 16 : writeX + width + 16;
  }
  const drop = (from: number, to: Box) => {
    const x2 = to.x + to.width / 2;
    const y2 = to.y;
    return `M${from + width / 2} 54 C${from + width / 2} 88 ${x2} ${y2 - 44} ${x2} ${y2 - 1}`;
  };
  return (
    <>
      {!layout.narrow && (
        <>
          {readers.map((box) => (
            <path key={box.instance.id} className="route route-read" d={drop(readX, box)} />
          ))}
          {readers.length === 0 && <path className="route route-read" d={drop(readX, primary)} />}
          <path
            className={primary.instance.writable ? 'route route-write' : 'route route-closed'}
            d={drop(writeX, primary)}
          />
        </>
      )}
      <Address
        x={writeX}
        width={width}
        label={t('picture.readWrite')}
        at={`${readWrite.host}:${readWrite.port}`}
        strong
      />
      <Address
        x={readX}
        width={width}
        label={t('picture.readOnly')}
        at={`${readOnly.host}:${readOnly.port}`}
      />
    </>
  );
}

type AddressProps = { x: number; width: number; label: string; at: string; strong?: boolean };

function Address({ x, width, label, at, strong }: AddressProps) {
  return (
    <g>
      <rect className={strong ? 'address strong' : 'address'} x={x} y="1" width={width} height="53" rx="10" />
      <text className="address-label" x={x + 14} y="22">
        {label}
      </text>
      <text className="address-at" x={x + 14} y="42">
        {at}
      </text>
    </g>
  );
}

function MemberCard({ box, cluster }: { box: Box; cluster: Cluster }) {
  const { t } = useTranslation();
  const stateName = useInstanceState();
  const { instance, x, y, width } = box;
  const tone = instanceTone(instance);
  const lines = useMemberLines(instance, cluster);
  return (
    <g className={`member ${instance.role} tone-${tone}`}>
      <title>{instance.why}</title>
      <rect className="member-card" x={x} y={y} width={width} height={cardHeight} rx="10" />
      <rect className="member-edge" x={x} y={y + 14} width="3.5" height={cardHeight - 28} rx="1.75" />
      <text className="member-name" x={x + 18} y={y + 27}>
        {instance.name}
      </text>
      <text className="member-role" x={x + width - 14} y={y + 27} textAnchor="end">
        {t(`role.${instance.role}`)}
      </text>
      <svg x={x + 18} y={y + 40} width="14" height="14" viewBox="0 0 16 16" aria-hidden="true">
        <ToneShape tone={tone} />
      </svg>
      <text className="member-state" x={x + 38} y={y + 51.5}>
        {stateName(instance)}
      </text>
      {lines.map((line, index) => (
        <text key={line} className="member-line" x={x + 18} y={y + 74 + index * 18}>
          {line}
        </text>
      ))}
    </g>
  );
}

/** At most two lines: what matters most for this role. */
function useMemberLines(instance: Instance, cluster: Cluster): string[] {
  const { t } = useTranslation();
  const format = useFormat();
  if (instance.role === 'primary') {
    const standbys = cluster.instances.length - 1;
    const term = cluster.rule === null ? [] : [t('picture.term', { term: cluster.rule.term })];
    const writes = instance.writable ? t('picture.writable') : t('picture.notWritable');
    const probe = instance.quorumProbe;
    const quorum =
      standbys === 0
        ? [t('picture.noQuorum')]
        : cluster.rule === null
          ? []
          : [t('picture.quorum', { k: cluster.rule.k, standbys })];
    if (probe !== null && probe.waitingMs > 1_000) {
      return [
        [...term, writes].join(' · '),
        t('picture.waitingAck', { ms: format.milliseconds(probe.waitingMs) }),
      ];
    }
    return [[...term, writes].join(' · '), ...quorum];
  }
  const receiver = instance.receiver ?? 'stopped';
  const name =
    receiver === 'streaming' || receiver === 'connecting' || receiver === 'stopped'
      ? t(`receiver.${receiver}`)
      : receiver;
  const lag = instance.lagMs === null ? [] : [t('picture.lag', { lag: format.milliseconds(instance.lagMs) })];
  return [[name, ...lag].join(' · '), `${instance.host}:${instance.port}`];
}

function clamp(x: number, total: number, width: number): number {
  return Math.max(1, Math.min(x, total - width - 1));
}

function useWidth(holder: React.RefObject<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    observer.observe(element);
    setWidth(Math.floor(element.clientWidth));
    return () => observer.disconnect();
  }, [holder]);
  return width;
}
