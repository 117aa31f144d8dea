// Many recipients from a file: what is read, what is wrong with it, and what would change.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './load.mjs';

const { normalAddress, parseList, planOf } = await load('screens/settings/list.ts');
const domains = [{ name: 'contoso.example', subdomains: false }, { name: 'xn--bcher-kva.example', subdomains: true }];

test('lines are read as the command line reads them', () => {
	const text = '\uFEFF# staff\r\n\r\nAnna@Contoso.Example\r\nbob@contoso.example, on-premises, moves in May, or June\njoe@shop.bücher.example,here\n';
	assert.deepEqual(parseList(text, '', domains), { wrong: [], entries: [
		{ line: 3, address: 'anna@contoso.example', place: 'here', comment: null },
		{ line: 4, address: 'bob@contoso.example', place: 'on-premises', comment: 'moves in May, or June' },
		{ line: 5, address: 'joe@shop.xn--bcher-kva.example', place: 'here', comment: null }] });
	assert.deepEqual(parseList('anna\njoe,on-premises', 'contoso.example', domains).entries.map(one => one.address), ['anna@contoso.example', 'joe@contoso.example']);
});

test('what is wrong is told with its line', () => {
	const text = ['anna', 'bob@contoso.example, elsewhere', 'joe@contoso.example', 'JOE@contoso.example', 'eve@other.example', 'x@sub.contoso.example', `${'l'.repeat(310)}@contoso.example`, '<ann@contoso.example>'].join('\n');
	assert.deepEqual(parseList(text, '', domains).wrong.map(one => [one.line, one.why]),
		[[1, 'address'], [2, 'place'], [4, 'twice'], [5, 'no-domain'], [6, 'no-domain'], [7, 'too-long'], [8, 'address']]);
	assert.deepEqual(parseList('joe@shop.xn--bcher-kva.example', 'contoso.example', domains).wrong.map(one => one.why), ['other-domain']);
	assert.equal(normalAddress('joe@[192.0.2.1]'), '');
});

test('only what differs is sent, and who is gone goes only where that was asked', () => {
	const there = [
		{ address: 'anna@contoso.example', place: 'here', comment: null }, { address: 'bob@contoso.example', place: 'here', comment: 'old' },
		{ address: 'gone@contoso.example', place: 'here', comment: null }, { address: 'else@xn--bcher-kva.example', place: 'here', comment: null }];
	const { entries } = parseList('anna@contoso.example\nbob@contoso.example,on-premises\nnew@contoso.example', '', domains);
	const kept = planOf(entries, there, '', false);
	assert.deepEqual([kept.added, kept.changed, kept.removed, kept.unchanged], [1, 1, 0, 1]);
	assert.deepEqual(kept.lines, [2, 3]);
	assert.deepEqual(kept.changes[0], { kind: 'recipient', op: 'put', key: 'bob@contoso.example', object: { address: 'bob@contoso.example', place: 'on-premises' } });
	const replaced = planOf(entries, there, '', true);
	assert.deepEqual(replaced.changes.filter(one => one.op === 'remove').map(one => one.key), ['gone@contoso.example']);
	assert.equal(planOf([], there, 'contoso.example', true).removed, 3);
});
