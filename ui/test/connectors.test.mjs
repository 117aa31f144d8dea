// What the screens make of connectors.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './load.mjs';

const { differences, findingsOf, forcedBy, modesOf, objectErrors, sendable } = await load('screens/connectors/model.ts');
const inbound = { require_tls: true, restrict_to_certificate: false, mode: 'enforce' };
const outbound = { tls: 'name', mode: 'enforce' };

test('forced is what is enforced', () => {
	assert.equal(forcedBy({ inbound, outbound }), 'both');
	assert.equal(forcedBy({ inbound, outbound: null }), 'inbound');
	assert.equal(forcedBy({ inbound: { ...inbound, mode: 'report' }, outbound }), 'outbound');
	assert.equal(forcedBy({ inbound: null, outbound: { ...outbound, tls: 'none' } }), 'neither');
	assert.deepEqual(modesOf({ inbound: { mode: 'report' }, outbound }), ['report', 'enforce']);
	assert.deepEqual(modesOf({ inbound, outbound: null }), ['enforce']);
});

test('differences name the place', () => {
	assert.deepEqual(differences({ a: 1, b: { c: ['x'], d: null } }, { a: 1, b: { c: ['x', 'y'] } }), [{ path: 'b.c', before: ['x'], after: ['x', 'y'] }]);
	assert.deepEqual(differences({ b: null }, { b: { c: 1 } }), [{ path: 'b', before: null, after: { c: 1 } }]);
	assert.deepEqual(differences({ a: 1 }, { a: 1 }), []);
});

test('errors of a change are errors of its object', () => {
	const error = { errors: [{ field: 'changes[0].object.inbound.addresses[2]', detail: 'x' }, { field: 'name', detail: 'y' }] };
	assert.deepEqual(objectErrors(error).map(one => one.field), ['inbound.addresses[2]', 'name']);
	assert.deepEqual(objectErrors(undefined), []);
	assert.deepEqual(sendable({ name: 'a', one_direction: 'inbound' }), { name: 'a' });
});

test('findings of one object, the worst first', () => {
	const of = (severity, subject) => ({ severity, subject });
	const found = findingsOf([of('note', 'connector a/b'), of('error', 'connector A/b'), of('error', 'connector a/c')], 'connector', 'a/b');
	assert.deepEqual(found.map(one => one.severity), ['error', 'note']);
});
