// Nobody touches the mouse: log-in, every screen by Tab, tabs, windows, the menu of narrow screens.
import { must, run, settings } from './browser.mjs';

const screens = ['overview', 'messages', 'queue', 'reports', 'connectors', `connectors/${settings.connector}`, `connectors/${settings.connector}/edit`,
	'connectors/new/partner', 'connectors/new/on-premises', 'connectors/import', 'rules', 'rules/new', 'explain', 'certificates', 'certificates?tab=partners',
	'certificates?tab=endpoints', ...['organisations', 'domains', 'recipients', 'users', 'tokens', 'audit', 'account', 'about'].map(tab => `settings?tab=${tab}`)];

const idle = page => page.waitForFunction(() => !document.querySelector('.loading, [aria-busy=true]'));
const focused = page => page.evaluate(() => `${document.activeElement.tagName} ${document.activeElement.name ?? ''} ${document.activeElement.textContent.slice(0, 60)}`);

/** Press KEY until what is in the focus fits SELECTOR. */
async function reach(page, selector, key = 'Tab') {
	for (let n = 0; n < 200; n++) {
		if (await page.evaluate(selector => document.activeElement.matches(selector), selector))
			return;
		await page.keyboard.press(key);
	}
	throw new Error(`${selector} is not reached by ${key}; the focus is at ${await focused(page)}`);
}

async function logIn(page) {
	await page.goto(settings.link);
	await page.waitForSelector('[name=user]');
	for (const [name, text] of [['user', 'anna'], ['password', settings.password], ['again', settings.password]]) {
		await reach(page, `[name=${name}]`);
		await page.keyboard.type(text);
	}
	await page.keyboard.press('Enter');
	await page.waitForSelector('h1:has-text("Overview")');
}

/** Where the focus is: in the order of the page, seen, and marked. */
const look = page => page.evaluate(() => {
	const element = document.activeElement;
	if (element === document.body || element === document.documentElement)
		return null;
	const before = window.lastFocused;
	window.lastFocused = element;
	element.dataset.visited = String(Number(element.dataset.visited ?? 0) + 1);
	const box = element.getBoundingClientRect(), style = getComputedStyle(element);
	return {
		name: `${element.tagName.toLowerCase()} "${(element.getAttribute('aria-label') ?? element.textContent).trim().slice(0, 40)}" ${element.className}`,
		isSeen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth && style.visibility === 'visible',
		isMarked: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== 'none',
		isAfter: !before?.isConnected || Boolean(before.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING),
		times: Number(element.dataset.visited),
	};
});

/** From the beginning of the page to its end by Tab: once each, in order, seen and marked. */
async function walk(page, place) {
	await page.goto('about:blank');
	await page.goto(`${settings.url}/#/${place}`);
	await page.waitForSelector('main h1');
	await idle(page);
	const names = [];
	for (;;) {
		await page.keyboard.press('Tab');
		const at = await look(page);
		if (!at || at.times > 1)
			break;
		must(at.isSeen, `${place}: ${at.name} has the focus and is not seen`);
		must(at.isMarked, `${place}: ${at.name} has the focus and does not show it`);
		must(at.isAfter, `${place}: ${at.name} comes behind ${names.at(-1)}`);
		names.push(at.name);
		must(names.length < 300, `${place}: no end`);
	}
	// All that can be pressed was reached; of a group of tabs or radio buttons one is.
	const missed = await page.evaluate(() => [...document.querySelectorAll('a[href], button:enabled, input:enabled, select:enabled, textarea:enabled')]
		.filter(element => !element.dataset.visited && element.checkVisibility() && element.tabIndex >= 0 && element.type !== 'radio').map(element => element.outerHTML.slice(0, 120)));
	must(missed.length === 0, `${place}: not reached: ${missed.join('\n')}`);
	must(names[0]?.startsWith('a "Skip'), `${place}: the first is ${names[0]}`);
}

async function skip(page) {
	await page.goto('about:blank');
	await page.goto(`${settings.url}/#/overview`);
	await page.waitForSelector('main h1');
	await idle(page);
	await page.keyboard.press('Tab');
	await page.keyboard.press('Enter');
	must(await page.evaluate(() => document.activeElement.tagName) === 'MAIN', `skipped to ${await focused(page)}`);
	await reach(page, 'nav a[href="#/settings"]', 'Shift+Tab');
	await page.keyboard.press('Enter');
	await page.waitForSelector('h1:has-text("Settings")');
	must(await page.evaluate(() => document.activeElement.tagName) === 'H1', `the new screen begins at ${await focused(page)}`);
	await reach(page, '[role=tab]');
	for (const [key, name] of [['ArrowRight', 'Domains'], ['ArrowRight', 'Recipients'], ['End', 'About'], ['ArrowRight', 'Organisations'], ['ArrowLeft', 'About'], ['Home', 'Organisations']]) {
		await page.keyboard.press(key);
		must((await focused(page)).includes(name), `${key} leads to ${await focused(page)}, not to ${name}`);
		must(await page.evaluate(() => document.activeElement.getAttribute('aria-selected')) === 'true', `${name} is not chosen`);
	}
}

/** A window in front of the page: the focus goes in, stays in, and comes back. OPEN is what opens it. */
async function openAndClose(page, place, open, isLong = false) {
	await page.evaluate(place => (location.hash = `#/${place}`), place);
	await page.waitForFunction(text => [...document.querySelectorAll('main button')].some(button => button.textContent.includes(text)), open);
	await idle(page);
	const opener = page.locator('main button', { hasText: open }).first();
	await opener.focus();
	for (const close of ['Escape', 'cancel']) {
		await page.keyboard.press('Enter');
		await page.waitForSelector('dialog[open]');
		await idle(page);
		must(await page.evaluate(() => !!document.activeElement.closest('dialog')), `${open}: the focus is at ${await focused(page)}`);
		for (const key of ['Tab', 'Shift+Tab'])
			for (let n = 0; n < (isLong ? 40 : 20); n++) {
				await page.keyboard.press(key);
				must(await page.evaluate(() => document.activeElement === document.body || !!document.activeElement.closest('dialog')),
					`${open}: ${key} leaves the window, to ${await focused(page)}`);
			}
		if (close === 'Escape')
			await page.keyboard.press('Escape');
		else {
			await reach(page, 'dialog header button');
			await page.keyboard.press('Enter');
		}
		await page.waitForSelector('dialog', { state: 'detached' });
		must(await opener.evaluate(element => element === document.activeElement), `${open}: closed by ${close}, the focus is at ${await focused(page)}`);
	}
}

/** Where the menu is closed nobody falls into it; Enter opens it. */
async function narrow(page) {
	await page.setViewportSize({ width: 320, height: 700 });
	await walk(page, 'queue');
	must(await page.evaluate(() => !document.querySelector('aside nav a[data-visited]')), 'the closed menu takes the focus');
	await page.locator('button.menu').focus();
	await page.keyboard.press('Enter');
	must(await page.getAttribute('button.menu', 'aria-expanded') === 'true', 'it does not say that it is open');
	await reach(page, 'aside nav a[href="#/reports"]');
	await page.keyboard.press('Enter');
	await page.waitForSelector('h1:has-text("Reports")');
	must(await page.getAttribute('button.menu', 'aria-expanded') === 'false', 'the menu stays open');
}

await run(async ({ page }) => {
	await logIn(page);
	for (const place of screens)
		await walk(page, place);
	await skip(page);
	await openAndClose(page, 'settings?tab=organisations', 'Add an organisation', true);
	await openAndClose(page, 'settings?tab=recipients', 'Load a list');
	await openAndClose(page, 'settings?tab=users', 'Edit');
	await openAndClose(page, 'settings?tab=users', 'Remove');
	await openAndClose(page, `connectors/${settings.connector}`, 'Remove');
	await openAndClose(page, 'queue', 'Hold');
	await narrow(page);
});
