// Somebody of one role walks through all screens and presses every button (those of the same name once in a part of the page). settings: user, role, isLimited (to alpha),
// mark (stands in all that is another organisation's), and what things are called.
//
// A request that changes something reaches the server from nobody but those who may not: they must never make one. Of the
// others it is compared with what the API's own document says who may.
import { must, run, settings } from './browser.mjs';

const { role, isLimited, mark, organisation, connector, rule, certificate, traced } = settings;
const mayChange = role === 'organisation-admin';
const isAuditor = role === 'auditor';

const reports = ['protection', 'tls', 'outcomes', 'clear', 'volume', 'expiring'];
const of = (place, name, tabs) => tabs.map(tab => `${place}?${name}=${tab}`);
const one = `connectors/${organisation}/${connector}`;
/** All places, also those that no link leads this role to: anybody can type an address. */
const places = [
	'overview', 'messages', `messages/${traced}`, 'queue', ...of('reports', 'report', reports), 'connectors',
	...of(one, 'tab', ['settings', 'live', 'readiness', 'tests', 'chains', 'kit']), `${one}/edit`, 'connectors/new/partner',
	'connectors/new/on-premises', 'connectors/import', 'rules', `rules/${organisation}/${rule}`, 'rules/new', 'explain',
	...of('certificates', 'tab', ['own', 'partners', 'sheet', 'endpoints', 'roots']), `certificates/${certificate}`,
	...of('settings', 'tab', ['organisations', 'domains', 'recipients', 'users', 'tokens', 'audit', 'account', 'about']),
];
const nameOf = place => `${settings.user}-${place.replace(/[^a-z-]+/g, '-')}`;

async function logIn(page) {
	await page.goto(settings.url);
	await page.fill('[name=user]', settings.user);
	await page.fill('[name=password]', settings.password);
	await page.click('button[type=submit]');
	await page.waitForSelector('h1:has-text("Overview")');
}

/** Requests to the API: those under way, and what is wrong with what was asked and answered. */
function watch(page, roles) {
	const state = { open: new Set(), wrong: [], isTrying: false };
	const isApi = request => new URL(request.url()).pathname.startsWith('/v1/') && !request.url().endsWith('/v1/events');
	const told = request => `${request.method()} ${new URL(request.url()).pathname}`;
	page.on('request', request => isApi(request) && state.open.add(request));
	page.on('requestfailed', request => state.open.delete(request));
	page.on('requestfinished', async request => {
		if (!isApi(request))
			return;
		const answer = await request.response();
		const text = await answer.text().catch(() => '');
		if (answer.status() === 403 && !state.isTrying)
			state.wrong.push(`${told(request)} answers 403: ${text}`);
		if (request.method() === 'GET' && answer.status() >= 400 && !state.isTrying)
			state.wrong.push(`${told(request)} answers ${answer.status()}: ${text}`);
		if (isLimited && !state.isTrying && text.includes(mark))
			state.wrong.push(`${told(request)} tells of another organisation: ${text.slice(Math.max(0, text.indexOf(mark) - 200)).slice(0, 400)}`);
		state.open.delete(request);
	});
	return page.route(url => url.pathname.startsWith('/v1/'), async route => {
		const request = route.request();
		const url = new URL(request.url());
		const entry = roles.find(([method, path]) => method === request.method() && path.test(url.pathname));
		if (request.method() === 'GET' || !entry || entry[2] !== 'changes' || url.searchParams.has('dry_run') || !entry[3].includes(role)) {
			if (entry && !entry[3].includes(role))
				state.wrong.push(`${told(request)} is asked for, and is not for this role`);
			await route.continue();
		} else {
			await route.fulfill({ status: 409, contentType: 'application/problem+json',
				body: JSON.stringify({ title: 'Not now', status: 409, code: 'conflict', detail: 'this is only a test', errors: [] }) });
		}
	}).then(() => state);
}

/** [method, pattern of the path, access, roles] of every operation, as the document says. Fixed paths before those with parameters. */
async function rolesOf(page) {
	const { paths } = await page.evaluate(async () => (await fetch('/v1/openapi.json')).json());
	return Object.keys(paths).sort((a, b) => a.split('{').length - b.split('{').length).flatMap(path => Object.entries(paths[path]).map(([method, operation]) =>
		[method.toUpperCase(), new RegExp(`^${path.replace(/\./g, '\\.').replace(/\{[^}]*\}/g, '[^/]+')}$`), operation['x-sealpost-access'], operation['x-sealpost-roles']]));
}

/** Until nothing is loading, nor about to: effects of the page run after the next picture. */
async function settled(page, state) {
	for (let quiet = 0; quiet < 2;) {
		await page.evaluate(() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 20))));
		await page.waitForFunction(() => !document.querySelector('.loading, [aria-busy=true]'));
		quiet = state.open.size === 0 ? quiet + 1 : 0;
	}
}

async function visit(page, state, place) {
	await page.evaluate(() => (location.hash = '#/none'));
	await page.waitForSelector('h1:has-text("There is nothing here"), .empty');
	await page.evaluate(place => (location.hash = `#/${place}`), place);
	await settled(page, state);
}

/** What can be pressed: each name once. */
const pressable = page => page.evaluate(() => {
	const seen = new Set();
	return [...document.querySelectorAll('main button, main a.button')].map((element, i) => ({ i, text: element.textContent.trim(), element }))
		.filter(({ text, element }) => !element.disabled && element.getAttribute('role') !== 'tab' && !element.classList.contains('sort') && !seen.has(text) && seen.add(text))
		.map(({ i, text }) => ({ i, text }));
});

async function press(page, state, place, { i, text }) {
	await visit(page, state, place);
	const pages = page.context().pages().length;
	await page.locator('main button, main a.button').nth(i).click();
	await settled(page, state);
	const dialog = page.locator('dialog[open]');
	if (await dialog.count() > 0) {
		const yes = dialog.locator('form button[type=submit], footer button:last-child').last();
		if (await yes.count() > 0 && await yes.isEnabled()) {
			await yes.click();
			await settled(page, state);
		}
		for (let n = 0; n < 2 && await dialog.count() > 0; n++)
			await page.keyboard.press('Escape');
		await dialog.waitFor({ state: 'detached' });
	}
	for (const other of page.context().pages().slice(pages))
		await other.close();
	must(state.wrong.length === 0, `${place}: "${text}": ${state.wrong.join('\n')}`);
}

async function walk(page, state, look) {
	const names = new Map(), pressed = new Set();
	for (const place of places) {
		await visit(page, state, place);
		must(state.wrong.length === 0, `${place}: ${state.wrong.join('\n')}`);
		must(await page.locator('main .note.bad:not(:has-text("Foreign"))').evaluateAll(notes => notes.every(note => !note.closest('main > .note'))), `${place}: ${await page.locator('main').innerText()}`);
		if (isLimited)
			must(!(await page.locator('body').innerText()).includes(mark), `${place} shows what is another's`);
		if (!settings.isQuick)
			await look(nameOf(place));
		const found = await pressable(page);
		names.set(place, found.map(({ text }) => text));
		for (const button of found) {
			const kind = `${place.split(/[/?]/)[0]} ${button.text}`;
			if (!pressed.has(kind))
				await press(page, state, place, button);
			pressed.add(kind);
		}
	}
	return names;
}

/** What this role must find, and must not find. */
async function checkWhatIsThere(page, state, names) {
	const has = (place, word) => names.get(place).some(text => text.startsWith(word));
	const is = (place, word, wanted) => must(has(place, word) === wanted, `${place}: "${word}" is ${wanted ? 'not there' : 'there'}: ${names.get(place)}`);
	is('connectors', 'Secure mail with a partner', mayChange);
	is(`${one}?tab=settings`, 'Edit', mayChange);
	is('rules', 'New rule', mayChange);
	is('settings?tab=recipients', 'Add', mayChange);
	is('settings?tab=domains', 'Edit', false);
	is(`${one}?tab=live`, 'Try it out', true);
	is('explain', 'Explain', true);
	await visit(page, state, `${one}?tab=live`);
	must((await page.locator('[name=send]').count() > 0) === mayChange, 'a test that sends mail is a change');
	await visit(page, state, 'settings');
	const tabs = (await page.getByRole('tab').allInnerTexts()).join();
	must(tabs.includes('Audit log') === (isAuditor || mayChange), `tabs: ${tabs}`);
	must(!tabs.includes('Users') && !tabs.includes('Tokens'), `tabs: ${tabs}`);
	await visit(page, state, 'certificates');
	must((await page.getByRole('tab').allInnerTexts()).includes('Ours') === !isLimited, 'our own certificates are for those who see the installation');
	if (isAuditor || mayChange)
		is('settings?tab=audit', 'Verify', isAuditor && !isLimited);
	for (const place of [`${one}/edit`, 'connectors/new/partner', 'connectors/import', 'rules/new']) {
		await visit(page, state, place);
		must((await page.locator('main form').count() > 0) === mayChange, `${place} has a form, or none`);
		must(mayChange || await page.getByText('Your role may look at this').count() > 0, `${place} does not say why`);
	}
}

/** Addresses of what is another's lead to a refusal, and show nothing. */
async function tryOthers(page, state) {
	state.isTrying = true;
	for (const place of settings.others) {
		await visit(page, state, place);
		await page.waitForSelector('main .note.bad');
		must(!(await page.locator('main').innerText()).includes(settings.secret), `${place} tells a secret`);
	}
	state.isTrying = false;
}

await run(async ({ page, look }) => {
	await logIn(page);
	const state = await watch(page, await rolesOf(page));
	const names = await walk(page, state, look);
	await checkWhatIsThere(page, state, names);
	if (isLimited)
		await tryOthers(page, state);
});
