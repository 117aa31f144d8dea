// Messages, the queue and the settings: found, looked at, acted upon, in both looks, and in every language.
import { must, run, settings } from './browser.mjs';

const go = (page, place) => page.goto(`${settings.url}/#/${place}`);
const heading = (page, text) => page.waitForSelector(`h1:has-text("${text}")`);
const languages = { de: 'Einstellungen', nl: 'Instellingen', sv: 'Inställningar', zh: '设置', en: 'Settings' };

async function comeIn(page) {
	await page.goto(settings.link);
	await page.fill('[name=user]', 'anna');
	await page.fill('[name=password]', settings.password);
	await page.fill('[name=again]', settings.password);
	await page.click('button[type=submit]');
	await heading(page, 'Overview');
}

async function seeMessages(page, look) {
	await page.click('nav a:has-text("Messages")');
	await page.waitForSelector('td:has-text("bob@ours.example")');
	await look('messages');
	await page.click('button:has-text("More filters")');
	await page.selectOption('[name=outcome]', 'delivered');
	await page.fill('[name=recipient]', 'bob@ours.example');
	await page.click('button:has-text("Search")');
	await page.waitForFunction(() => location.hash.includes('outcome=delivered'));
	await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
	await look('messages-filters');
	for (const [name, start] of [['CSV', 'messages.csv'], ['JSON', 'messages.json']]) {
		const [file] = await Promise.all([page.waitForEvent('download'), page.click(`.heading button:has-text("${name}")`)]);
		must(file.suggestedFilename() === start, `the file is called ${file.suggestedFilename()}`);
	}
	await page.click('tbody th a');
	await page.waitForSelector('h3:has-text("Delivered")');
	await page.waitForSelector('.badge.good:has-text("TLSv1.3")');
	await look('journey');
	const evidence = await page.getAttribute('a:has-text("Evidence page")', 'href');
	const page2 = await page.context().newPage();
	const answer = await page2.goto(settings.url + evidence);
	must(answer.status() === 200 && (await page2.content()).includes('bob@ours.example'), `the evidence page answers ${answer.status()}`);
	await page2.close();
}

async function seeQueue(page, look) {
	await page.click('nav a:has-text("Queue")');
	await page.waitForSelector('li:has-text("joe@away.example")');
	await look('queue');
	await page.check('tbody input[type=checkbox]');
	await page.click('.chosen button:has-text("Hold")');
	await page.waitForSelector('dialog[open]:has-text("1 chosen message")');
	await look('queue-question');
	await page.click('dialog footer button:last-child');
	await page.waitForSelector('li .badge:has-text("Held")');
	await page.check('tbody input[type=checkbox]');
	await page.click('.chosen button:has-text("Delete")');
	await page.click('dialog footer button:last-child');
	await page.waitForSelector('.empty-title:has-text("Nothing waits")');
	await look('queue-empty');
}

async function seeSettings(page, look) {
	await page.click('nav a:has-text("Settings")');
	await page.waitForSelector('th:has-text("ours")');
	await look('settings');
	for (const tab of ['domains', 'recipients', 'users', 'tokens', 'audit', 'account', 'about']) {
		await go(page, `settings?tab=${tab}`);
		await page.waitForSelector('[role=tabpanel] h2');
		await look(`settings-${tab}`);
		must(await page.locator('.note.bad').count() === 0, `${tab}: ${await page.locator('.note.bad').allTextContents()}`);
	}
}

async function changeThings(page, look) {
	await go(page, 'settings?tab=domains');
	await page.click('button:has-text("Add a domain")');
	await page.fill('dialog [name=name]', 'no domain');
	await page.fill('dialog [name=organisation]', 'ours');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog [data-path=name].has-error');
	await look('domain-wrong');
	await page.fill('dialog [name=name]', 'second.example');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('th:has-text("second.example")');
	await go(page, 'settings?tab=users');
	await page.click('button:has-text("Add a user")');
	await page.fill('dialog [name=name]', 'berta');
	await page.selectOption('dialog [name=role]', 'reader');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog code:has-text("/#/setup/")');
	await look('user-link');
	await page.click('dialog footer button');
	await go(page, 'settings?tab=tokens');
	await page.click('button:has-text("Add a token")');
	await page.fill('dialog [name=label]', 'monitoring');
	await page.selectOption('dialog [name=role]', 'reader');
	await page.click('dialog button[type=submit]');
	await page.waitForSelector('dialog code:has-text("sp_")');
	await page.keyboard.press('Escape');
	await page.waitForSelector('th:has-text("monitoring")');
	await go(page, 'settings?tab=audit');
	await page.waitForSelector('td:has-text("second.example")');
	await page.click('button:has-text("Verify")');
	await page.waitForSelector('.note.good');
	await look('audit-verified');
}

async function speakAll(page) {
	await go(page, 'settings');
	for (const [language, title] of Object.entries(languages)) {
		await page.selectOption('.side select', language);
		await heading(page, title);
	}
}

/** All that a first visit brings. */
async function weigh(page) {
	const fresh = await page.context().newPage();
	const devtools = await fresh.context().newCDPSession(fresh);
	let bytes = 0;
	await devtools.send('Network.enable');
	devtools.on('Network.loadingFinished', event => (bytes += event.encodedDataLength));
	await fresh.goto(`${settings.url}/#/overview`);
	await heading(fresh, 'Overview');
	must(bytes > 10_000 && bytes < 300_000, `a first visit brings ${bytes} bytes`);
	await fresh.close();
}

await run(async ({ page, look }) => {
	await comeIn(page);
	await weigh(page);
	await seeMessages(page, look);
	await seeQueue(page, look);
	await seeSettings(page, look);
	await changeThings(page, look);
	await speakAll(page);
});
