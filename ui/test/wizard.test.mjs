// The wizards: which steps there are, what is missing in each, and the connector that comes of the answers.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './load.mjs';

const { connectorOf, firstAnswers, missingIn, nameFrom, needsHosts, placeErrors, stepsOf } = await load('screens/connectors/steps.ts');
const partner = (changes = {}) => ({ ...firstAnswers('partner', 'contoso'), name: 'fabrikam', domains: ['fabrikam.example'], ...changes });
const own = (changes = {}) => ({ ...firstAnswers('on-premises', 'contoso'), name: 'office', ...changes });

test('both halves of a partner are one object, in report mode at first', () => {
	assert.deepEqual(connectorOf(partner({ certificateName: 'mx.fabrikam.example', tlsDomain: 'mx.fabrikam.example', subdomains: true })), {
		name: 'fabrikam', organisation: 'contoso', type: 'partner',
		inbound: { sender_domains: ['fabrikam.example', '*.fabrikam.example'], require_tls: true, certificate_name: 'mx.fabrikam.example',
			restrict_to_certificate: true, mode: 'report' },
		outbound: { recipient_domains: ['fabrikam.example', '*.fabrikam.example'], tls: 'name', tls_domain: 'mx.fabrikam.example', mode: 'report' },
	});
});

test('what is not asked for is not sent', () => {
	const connector = connectorOf(partner({ sends: false, requiresTls: false, certificateName: 'left.over.example', reports: false, tlsDomain: 'left.over' }));
	assert.deepEqual(connector.inbound, { sender_domains: ['fabrikam.example'], require_tls: false });
	assert.equal(connector.outbound, undefined);
	assert.equal(connectorOf(partner({ level: 'chain', tlsDomain: 'left.over' })).outbound.tls_domain, undefined);
	assert.equal(connectorOf(partner({ hosts: ['left.over:25'] })).outbound.smart_hosts, undefined);
});

test('the own server: known by certificate or by address, for the mail that is chosen', () => {
	const known = connectorOf(own({ certificateName: 'mail.contoso.example', hosts: ['mail.contoso.example'] }));
	assert.deepEqual(known.inbound, { certificate_name: 'mail.contoso.example', cross_premises_headers: true });
	assert.deepEqual(known.outbound, { all_accepted_domains: true, smart_hosts: ['mail.contoso.example'], tls: 'name', cross_premises_headers: true });
	const byAddress = connectorOf(own({ identify: 'addresses', addresses: ['192.0.2.1'], scope: 'rule', level: 'encrypt', route: 'mx' }));
	assert.deepEqual(byAddress.inbound, { addresses: ['192.0.2.1'], require_tls: true });
	assert.deepEqual(byAddress.outbound, { rule_scoped: true, tls: 'encrypt' });
	assert.deepEqual(connectorOf(own({ scope: 'all', hosts: ['a'] })).outbound.route_all_via_on_premises, true);
});

test('steps follow the answers', () => {
	assert.deepEqual(stepsOf(partner()), ['way', 'name', 'scope', 'routing', 'sending', 'receiving', 'start', 'review']);
	assert.deepEqual(stepsOf(partner({ sends: false })), ['way', 'name', 'scope', 'receiving', 'start', 'review']);
	assert.deepEqual(stepsOf(own()), ['way', 'name', 'scope', 'identify', 'routing', 'sending', 'review']);
	assert.deepEqual(stepsOf(own({ sends: false })), ['way', 'name', 'identify', 'review']);
});

test('a step says what is missing', () => {
	const fields = (step, answers) => missingIn(step, answers).map(one => one.field);
	assert.deepEqual(fields('way', partner({ receives: false, sends: false })), ['receives']);
	assert.deepEqual(fields('name', partner({ name: '' })), ['name']);
	assert.deepEqual(fields('scope', partner({ domains: [] })), ['domains']);
	assert.deepEqual(fields('scope', own()), []);
	assert.deepEqual(fields('scope', own({ scope: 'domains' })), ['domains']);
	assert.deepEqual(fields('receiving', partner()), ['certificateName']);
	assert.deepEqual(fields('receiving', partner({ requiresTls: false, asksAddresses: true })), ['addresses']);
	assert.deepEqual(fields('identify', own({ identify: 'addresses' })), ['addresses']);
	assert.deepEqual(fields('routing', own()), ['hosts']);
	assert.deepEqual(fields('routing', partner()), []);
	assert.ok(needsHosts(own()) && !needsHosts(own({ scope: 'domains' })) && !needsHosts(partner()));
});

test('what the server complains about stands at the question that it comes from', () => {
	const place = (field, answers = partner()) => placeErrors([{ field, detail: 'x' }], answers)[0];
	assert.deepEqual(place('inbound.addresses[2]'), { field: 'addresses[2]', detail: 'x', step: 'receiving' });
	assert.deepEqual(place('inbound.addresses[2]', own()), { field: 'addresses[2]', detail: 'x', step: 'identify' });
	assert.deepEqual(place('outbound.recipient_domains[1]', partner({ subdomains: true })), { field: 'domains', detail: 'x', step: 'scope' });
	assert.equal(place('outbound.tls_domain').field, 'tlsDomain');
	assert.equal(place('outbound.tls').field, 'level');
	assert.equal(place('trust', partner({ sends: false })).step, 'receiving');
	assert.equal(place('somewhere.new').step, 'review');
});

test('a name is offered', () => {
	assert.equal(nameFrom('*.fabrikam.example'), 'fabrikam');
	assert.equal(nameFrom(''), '');
});
