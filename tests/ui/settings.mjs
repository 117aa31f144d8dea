// Settings in depth: a list of recipients from a file, and one-time codes by a code that a telephone reads.
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
import { must, run, settings } from './browser.mjs';

const jsQR = createRequire(new URL('../../ui/package.json', import.meta.url))('jsqr');
const go = async (page, place) => {
	await page.evaluate(place => (location.hash = `#/${place}`), place);
	await page.waitForFunction(() => !document.querySelector('.loading'));
};

async function comeIn(page) {
	await page.goto(settings.link);
	await page.fill('[name=user]', 'anna');
	await page.fill('[name=password]', settings.password);
	await page.fill('[name=again]', settings.password);
	await page.click('button[type=submit]');
	await page.waitForSelector('h1:has-text("Overview")');
}

const counts = page => page.evaluate(() => Object.fromEntries([...document.querySelectorAll('[data-count]')].map(one => [one.dataset.count, Number(one.querySelector('b').textContent.replaceAll(',', ''))])));
const file = (name, lines) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(lines.join('\r\n')) });

async function loadRecipients(page, look) {
	const sent = [];
	page.on('request', request => request.method() === 'POST' && sent.push(request.url().replace(settings.url, '')));
	await go(page, 'settings?tab=recipients');
	await page.click('button:has-text("Load a list")');
	await page.waitForSelector('dialog[open] button:has-text("Show what would change"):enabled');
	// What is wrong is told line by line, and nothing is asked of the server.
	await page.setInputFiles('dialog input[type=file]', file('wrong.txt', ['# staff', 'bob@ours.example', 'no address', 'bob@ours.example', 'joe@elsewhere.example']));
	await page.waitForFunction(() => document.querySelector('dialog [name=text]').value.includes('no address'));
	await page.click('dialog button:has-text("Show what would change")');
	await page.waitForSelector('dialog .note.bad:has-text("3 lines cannot be taken")');
	const wrong = await page.innerText('dialog .note.bad');
	for (const words of ['Line 3: “no address” is no address', 'Line 4: bob@ours.example stands in line 2 already', 'Line 5: joe@elsewhere.example is at no accepted domain'])
		must(wrong.includes(words), `"${words}" is not in ${wrong}`);
	must(sent.length === 0 && await page.locator('dialog [data-count]').count() === 0, `asked: ${sent}`);
	await look('recipients-wrong');
	// What the server finds has its line, too: here a comment that is too long.
	await page.fill('dialog [name=text]', `bob@ours.example\n\njoe@ours.example, here, ${'x'.repeat(5000)}`);
	await page.click('dialog button:has-text("Show what would change")');
	await page.waitForSelector('dialog .note.bad:has-text("1 line cannot be taken")');
	must((await page.innerText('dialog .note.bad')).includes('Line 3: '), await page.innerText('dialog .note.bad'));
	// A good one: counts first.
	await page.setInputFiles('dialog input[type=file]', file('staff.txt', ['bob@ours.example, on-premises, moved', 'Ann@Ours.example', 'same@ours.example', ...settings.many]));
	await page.waitForFunction(() => document.querySelector('dialog [name=text]').value.includes('same@'));
	await page.check('dialog [name=replace]');
	await page.click('dialog button:has-text("Show what would change")');
	await page.waitForSelector('dialog [data-count]');
	const shown = await counts(page);
	must(JSON.stringify(shown) === JSON.stringify({ added: 1 + settings.many.length, changed: 1, removed: 1, unchanged: 1 }), JSON.stringify(shown));
	await look('recipients-preview');
	sent.length = 0;
	await page.click(`dialog button:has-text("Make ${(settings.many.length + 3).toLocaleString('en')} changes")`);
	await page.waitForSelector('dialog', { state: 'detached' });
	must(sent.join() === '/v1/changes', `asked: ${sent}`);
	await page.waitForSelector('tbody th:has-text("ann@ours.example")');
	must(await page.locator('tbody th:has-text("gone@ours.example")').count() === 0, 'who was removed is shown');
	await look('recipients-loaded');
}

/** What a telephone would read of the picture on the screen. */
async function scan(page) {
	const picture = await page.locator('svg.qr').screenshot();
	const other = await page.context().newPage(); // the policy of the page lets no pictures in
	const { data, width, height } = await other.evaluate(async base64 => {
		const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());
		const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
		const context = canvas.getContext('2d');
		context.drawImage(bitmap, 0, 0);
		return { data: [...context.getImageData(0, 0, bitmap.width, bitmap.height).data], width: bitmap.width, height: bitmap.height };
	}, picture.toString('base64'));
	await other.close();
	return jsQR(Uint8ClampedArray.from(data), width, height)?.data;
}

function codeOf(secret) {
	const bits = [...secret.replace(/=+$/, '')].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
	const hash = crypto.createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map(byte => parseInt(byte, 2)))).update(counter).digest();
	return String((hash.readUInt32BE(hash[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function setUpCodes(page, look) {
	await go(page, 'settings?tab=account');
	await page.click('button:has-text("Set up")');
	await page.waitForSelector('svg.qr');
	await look('totp');
	for (const colorScheme of ['light', 'dark']) {
		await page.emulateMedia({ colorScheme });
		const read = await scan(page);
		const secret = await page.innerText('.totp pre');
		must(read?.startsWith('otpauth://totp/') && new URL(read).searchParams.get('secret') === secret, `${colorScheme}: read: ${read}, beside it: ${secret}`);
	}
	await page.emulateMedia({ colorScheme: 'light' });
	await page.fill('[name=code]', codeOf(new URL(await scan(page)).searchParams.get('secret')));
	await page.click('button[type=submit]:has-text("Switch on")');
	await page.waitForSelector('.note.good');
	await look('totp-on');
}

await run(async ({ page, look }) => {
	await comeIn(page);
	await loadRecipients(page, look);
	await setUpCodes(page, look);
});
