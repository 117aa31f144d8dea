// Lists that come in pages, wanted as a whole.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './load.mjs';

const { getAll } = await load('api.ts');

const numbers = count => Array.from({ length: count }, (_, i) => ({ id: i }));

/** A server with a list of that many items; answers each request by ANSWER where that gives something. */
function serve(count, answer = () => undefined) {
	const asked = [];
	globalThis.fetch = async path => {
		const url = new URL(path, 'https://server.example');
		asked.push(url);
		const other = answer(asked.length, url);
		if (other)
			return other;
		const from = Number(url.searchParams.get('cursor') ?? 0), to = Math.min(from + Number(url.searchParams.get('limit')), count);
		return Response.json({ items: numbers(count).slice(from, to), next: to < count ? String(to) : null, count });
	};
	return asked;
}

const gone = () => Response.json({ status: 409, detail: 'cursor: gone', errors: [{ field: 'cursor', detail: 'gone' }] }, { status: 409 });

test('all pages, with what else the first one says', async () => {
	for (const count of [0, 1, 999, 1000, 1001, 2500]) {
		const asked = serve(count);
		const whole = await getAll('/v1/things', { organisation: 'a' });
		assert.deepEqual(whole.items, numbers(count));
		assert.equal(whole.count, count);
		assert.equal(asked.length, Math.max(1, Math.ceil(count / 1000)));
		assert.ok(asked.every(url => url.searchParams.get('organisation') === 'a'));
	}
});

test('a walk whose place is gone begins again, but not for ever', async () => {
	const asked = serve(1500, turn => turn === 2 ? gone() : undefined);
	assert.deepEqual((await getAll('/v1/things')).items, numbers(1500));
	assert.equal(asked.length, 4);
	const never = serve(1500, (_, url) => url.searchParams.has('cursor') ? gone() : undefined);
	await assert.rejects(getAll('/v1/things'), error => error.status === 409);
	assert.equal(never.length, 6);
});

test('what fails is told', async () => {
	const asked = serve(1500, turn => turn === 2 ? Response.json({ status: 503, detail: 'away' }, { status: 503 }) : undefined);
	await assert.rejects(getAll('/v1/things'), error => error.status === 503);
	assert.equal(asked.length, 2);
});
