import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatGtidSet, isSubset, parseGtidSet, parseOwnedGtids, subtract, unionOf } from './gtid.ts';

const a = 'aaaaaaaa-0000-0000-0000-000000000001';
const b = 'bbbbbbbb-0000-0000-0000-000000000002';

function roundTrip(text: string): string {
  return formatGtidSet(parseGtidSet(text));
}

test('a GTID set is printed as MySQL prints it, whatever the order and overlap it was written in', () => {
  assert.equal(roundTrip(''), '');
  assert.equal(roundTrip(`${b}:7,\n${a}:3-5:1-2:9`), `${a}:1-5:9,${b}:7`);
  assert.equal(roundTrip(`${a.toUpperCase()}:1`), `${a}:1`);
  assert.equal(roundTrip(`${a}:1-4,${a}:3-8`), `${a}:1-8`);
});

test('tagged transactions are kept apart from untagged ones of the same server', () => {
  assert.equal(roundTrip(`${a}:2:100:ha:77:ha_term:78`), `${a}:2:100:ha:77:ha_term:78`);
  assert.equal(roundTrip(`${a}:ha:77,${a}:1-3`), `${a}:1-3:ha:77`);
  assert.ok(!isSubset(parseGtidSet(`${a}:ha:1`), parseGtidSet(`${a}:1-5`)));
  assert.ok(isSubset(parseGtidSet(`${a}:ha:1`), parseGtidSet(`${a}:1-5:ha:1-2`)));
});

test('a set without another has exactly what the other lacks', () => {
  const cases: [string, string, string][] = [
    [`${a}:1-10`, '', `${a}:1-10`],
    [`${a}:1-10`, `${a}:1-10`, ''],
    [`${a}:1-10`, `${a}:3:5-6:10-20`, `${a}:1-2:4:7-9`],
    [`${a}:5-6:9`, `${a}:1-5:9-12`, `${a}:6`],
    [`${a}:1-3,${b}:1-3`, `${a}:1-9`, `${b}:1-3`],
  ];
  for (const [set, other, rest] of cases) {
    assert.equal(formatGtidSet(subtract(parseGtidSet(set), parseGtidSet(other))), rest);
  }
});

test('union and difference agree on random sets', () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  const randomSet = () =>
    parseGtidSet(
      Array.from({ length: 6 }, () => {
        const first = 1 + random(40);
        return `${random(2) ? a : b}:${random(3) ? '' : 'tag:'}${first}-${first + random(5)}`;
      }).join(','),
    );
  for (let round = 0; round < 300; round++) {
    const [x, y] = [randomSet(), randomSet()];
    const both = unionOf(x, y);
    assert.ok(isSubset(x, both) && isSubset(y, both));
    assert.equal(formatGtidSet(unionOf(subtract(x, y), y)), formatGtidSet(both));
    assert.equal(formatGtidSet(subtract(subtract(x, y), x)), '');
    assert.equal(isSubset(x, y), formatGtidSet(both) === formatGtidSet(y));
  }
});

test('transactions in flight are read without the threads that own them', () => {
  assert.equal(formatGtidSet(parseOwnedGtids(`${a}:23#45:24#46,\n${b}:1#9`)), `${a}:23-24,${b}:1`);
  assert.equal(formatGtidSet(parseOwnedGtids(`${a}:1#27${b}:1#28:ha:4#29`)), `${a}:1,${b}:1:ha:4`);
  const digits = '01a1ffa4-6c34-7e5b-97d4-2bd460ba209e';
  assert.equal(formatGtidSet(parseOwnedGtids(`${a}:1#27${digits}:5#3`)), `${digits}:5,${a}:1`);
  assert.equal(parseOwnedGtids('').size, 0);
});

test('text that is no GTID set is refused', () => {
  for (const text of ['nonsense', `${a}:0`, `${a}:x y`, `${a}:1-`, 'aaaa:1']) {
    assert.throws(() => parseGtidSet(text), /not a GTID set/);
  }
});
