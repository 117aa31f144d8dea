// Two administrators, each in front of his own server: from the link of the first start to a channel that is forced both
// ways, and the account of a message that went by it.
//
//	node flow.mjs '{"contoso": {...}, "fabrikam": {...}, "pictures": "..."}'
//
// Writes {"want": "mail"} when the message is to be sent, and goes on when a line with its id has come.
import assert from 'node:assert/strict';
import readline from 'node:readline';
import { button, check, checkLooks, field, menu, onScreen, start } from './browse.mjs';

const { contoso, fabrikam, pictures } = JSON.parse(process.argv[2]);
const PASSWORD = 'correct horse battery staple';
const replies = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const step = text => console.log(JSON.stringify({ step: text }));

async function ask(question) {
	console.log(JSON.stringify(question));
	const { value, done } = await replies.next();
	assert.ok(!done, 'nobody answers');
	return JSON.parse(value);
}

async function firstStart(user, server) {
	const { page } = user;
	await page.goto(server.link);
	await field(page, 'user').fill('anna');
	await field(page, 'password').fill(PASSWORD);
	await field(page, 'again').fill('something else');
	await page.locator('button[type=submit]').click();
	await page.locator('.field-error').waitFor(); // the two differ
	await field(page, 'again').fill(PASSWORD);
	await page.locator('button[type=submit]').click();
	await page.locator('aside nav').waitFor();
}

async function logIn({ page }) {
	await button(page, 'Log out').click();
	await field(page, 'user').fill('anna');
	await field(page, 'password').fill('wrong');
	await page.locator('button[type=submit]').click();
	await page.getByRole('alert').waitFor();
	await field(page, 'password').fill(PASSWORD);
	await page.locator('button[type=submit]').click();
	await page.locator('aside nav').waitFor();
}

/** Goes on to the step that is called HEADING. */
async function next(page, heading) {
	await button(page, 'Next').click();
	await page.getByRole('heading', { level: 2, name: heading }).waitFor();
}

async function wizard(user) {
	const { page } = user;
	await menu(page, 'Connectors').click();
	await onScreen(page, 'Connectors');
	await page.getByRole('link', { name: 'Secure mail with a partner' }).first().click();
	await onScreen(page, 'Secure mail with a partner');
	await checkLooks(user, 'wizard-way');
	await next(page, /Name$/);
	// A mistake is told at its field, which gets the focus, and nothing is lost.
	await field(page, 'comment').fill('Fabrikam Bank');
	await button(page, 'Next').click();
	await page.getByText('A name is missing.').waitFor();
	assert.equal(await page.evaluate(() => document.activeElement.getAttribute('name')), 'name');
	await field(page, 'name').fill('fabrikam');
	assert.equal(await field(page, 'comment').inputValue(), 'Fabrikam Bank');
	await check(user, 'wizard-name');
	await page.keyboard.press('Enter'); // by keyboard alone, too
	await page.getByRole('heading', { level: 2, name: /Domains$/ }).waitFor();
	await field(page, 'domains').fill('not a domain');
	await button(page, 'Next').click();
	await page.locator('.field-error', { hasText: 'found "not a domain"' }).waitFor(); // the server's words
	await field(page, 'domains').fill('fabrikam.example');
	await next(page, /Routing$/);
	await page.getByRole('radio', { name: /By these servers/ }).check();
	await field(page, 'hosts').fill(fabrikam.smtp);
	await next(page, /Security, sending$/);
	await field(page, 'tlsDomain').fill('mx.fabrikam.example');
	await field(page, 'trust').fill(fabrikam.root);
	await check(user, 'wizard-sending');
	await next(page, /Security, receiving$/);
	await field(page, 'certificateName').fill('mx.fabrikam.example');
	await page.goBack(); // the browser's own button is a step, too
	await page.getByRole('heading', { level: 2, name: /Security, sending$/ }).waitFor();
	await page.reload();
	await page.getByRole('heading', { level: 2, name: /Security, sending$/ }).waitFor();
	assert.equal(await field(page, 'tlsDomain').inputValue(), 'mx.fabrikam.example');
	await next(page, /Security, receiving$/);
	assert.equal(await field(page, 'certificateName').inputValue(), 'mx.fabrikam.example');
	await check(user, 'wizard-receiving');
	await next(page, /Start$/);
	assert.ok(await page.getByRole('radio', { name: /In report mode/ }).isChecked());
	await page.getByRole('radio', { name: /Enforced at once/ }).check();
	await next(page, /Review$/);
	await page.getByText('contoso/fabrikam is added').waitFor(); // what the server says of it
	await checkLooks(user, 'wizard-review');
	await button(page, 'Create').click();
	await page.getByText('fabrikam is there').waitFor();
}

/** Tries the way to the other server, on a page that offers it. */
async function tryOut(user, name) {
	const { page } = user;
	await button(page, 'Try it out').click();
	await page.getByText('It works').waitFor();
	const steps = await page.getByRole('list', { name: 'Steps' }).innerText();
	for (const word of ['Handshake', 'TLSv1.3', 'Certificate chain', 'Name on the certificate', 'Recipient accepted'])
		assert.ok(steps.includes(word), `${word} is not in ${steps}`);
	await checkLooks(user, name);
}

async function downloadKit({ page }) {
	const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'JSON').click()]);
	assert.match(download.suggestedFilename(), /^sealpost-contoso\.json$/);
	return download.path();
}

async function importKit(user, kit) {
	const { page } = user;
	await menu(page, 'Connectors').click();
	await page.getByRole('link', { name: "Import a partner's kit" }).first().click();
	await field(page, 'kit').fill('{"cut');
	await button(page, 'Read it').click();
	await page.locator('.field-error', { hasText: 'This is no JSON' }).waitFor();
	await page.locator('input[type=file]').setInputFiles(kit);
	await page.waitForFunction(() => document.querySelector('[name=kit]').value.includes('sealpost-partner-kit'));
	await button(page, 'Read it').click();
	await page.getByText('The root that the partner trusts').waitFor();
	await page.getByText('fabrikam/contoso is added').waitFor();
	const apply = button(page, 'Put it in force');
	assert.ok(await apply.isDisabled(), 'the fingerprint was not compared yet');
	await page.getByRole('checkbox', { name: 'I have compared the fingerprint' }).check();
	await page.getByRole('checkbox', { name: /In report mode/ }).uncheck();
	await page.getByText('fabrikam/contoso is added').waitFor();
	await checkLooks(user, 'import');
	await apply.click();
	await onScreen(page, 'contoso');
}

async function rehearse(user) {
	const { page } = user;
	await menu(page, 'Connectors').click();
	await page.getByRole('link', { name: 'fabrikam', exact: true }).click();
	await onScreen(page, 'fabrikam');
	await page.getByText('both ways', { exact: true }).waitFor();
	await checkLooks(user, 'connector');
	await page.getByRole('tab', { name: 'Try it out' }).click();
	await button(page, 'Rehearse').click();
	await page.getByText('Something failed').waitFor(); // without a certificate
	await field(page, 'cert_pem').fill(fabrikam.chain);
	await field(page, 'ip').fill('127.0.0.1');
	await button(page, 'Rehearse').click();
	await page.getByText('It works').waitFor();
	await check(user, 'connector-live');
	for (const [tab, text] of [['Readiness', /no inbound mail of this connector was seen/], ['Tests so far', /next hops would take mail/], ['Certificates presented', /mx\.fabrikam\.example/], ['Partner kit', /Forced TLS with contoso/]]) {
		await page.getByRole('tab', { name: tab }).click();
		await page.getByText(text).first().waitFor();
		await check(user, `connector-${tab.split(' ')[0].toLowerCase()}`);
	}
}

async function edit(user) {
	const { page } = user;
	await page.getByRole('link', { name: 'Edit', exact: true }).click();
	await onScreen(page, 'Edit fabrikam');
	await field(page, 'inbound.addresses').fill('nowhere');
	await page.locator('[data-path="inbound.addresses"] .field-error').waitFor(); // live, before anything is sent
	await check(user, 'edit-wrong');
	await field(page, 'inbound.addresses').fill('');
	await field(page, 'minimum_version').selectOption('1.3').catch(async () => {
		await page.getByText('Trust and TLS, both ways').click();
		await field(page, 'minimum_version').selectOption('1.3');
	});
	await page.getByText('it can be saved').waitFor();
	await button(page, 'Review the changes').click();
	const changes = page.getByRole('dialog').locator('.changes');
	await changes.waitFor();
	assert.match(await changes.innerText(), /TLS version[\s\S]*1\.2[\s\S]*1\.3/);
	await check(user, 'edit-review');
	await button(page, 'Save').click();
	await onScreen(page, 'fabrikam');
	await page.getByText('TLS 1.3 or newer').waitFor();
}

async function explain(user) {
	const { page } = user;
	await menu(page, 'Explain').click();
	await button(page, 'Explain').click();
	await page.locator('.field-error').first().waitFor();
	await field(page, 'from').fill('eve@fabrikam.example');
	await field(page, 'to').fill('anna@contoso.example');
	await field(page, 'ip').fill('192.0.2.1');
	await button(page, 'Explain').click();
	await page.getByText('Refused').waitFor();
	await page.getByText('no-client-certificate').waitFor();
	await field(page, 'cert_pem').fill(fabrikam.chain);
	await button(page, 'Explain').click();
	await page.getByText('Accepted').waitFor();
	await checkLooks(user, 'explain');
	await page.locator('.tree').getByRole('link', { name: 'connector contoso/fabrikam' }).first().click();
	await onScreen(page, 'fabrikam');
}

async function rule(user) {
	const { page } = user;
	await menu(page, 'Rules').click();
	await page.getByRole('link', { name: 'New rule' }).first().click();
	await field(page, 'name').fill('records');
	await page.getByText(/the rule asks for nothing/).first().waitFor(); // the server, while it is typed
	await field(page, 'recipients').fill('records.example');
	await field(page, 'require_tls').selectOption('chain');
	await button(page, 'Review the changes').click();
	await page.getByRole('dialog').getByText('contoso/records is added').waitFor();
	await button(page, 'Save').click();
	await page.getByRole('link', { name: 'records', exact: true }).waitFor();
	await checkLooks(user, 'rules');
}

/** The message in the list of messages, and its account on paper. */
async function find(user, id) {
	const { page } = user;
	if (await menu(page, 'Messages').count()) {
		await menu(page, 'Messages').click();
		await page.getByRole('link', { name: id }).or(page.locator(`a[href*="${id}"]`)).first().click();
		await page.getByText('mx.fabrikam.example').first().waitFor();
		await checkLooks(user, 'message');
	}
	const answer = await page.goto(`${contoso.url}/v1/trace/${id}/evidence`);
	assert.equal(answer.status(), 200);
	const text = await page.locator('body').innerText();
	for (const word of [id, 'bob@fabrikam.example', 'mx.fabrikam.example', 'TLSv1.3'])
		assert.ok(text.includes(word), `${word} is not in the evidence: ${text}`);
	await page.screenshot({ path: `${pictures}/evidence.png`, fullPage: true });
}

const browser = await start(['mx.contoso.example', 'mx.fabrikam.example'], pictures);
let user;
try {
	user = await browser.user();
	step('first start of contoso');
	await firstStart(user, contoso);
	step('log-in');
	await logIn(user);
	step('wizard');
	await wizard(user);
	step('tried out');
	await tryOut(user, 'wizard-done');
	const kit = await downloadKit(user);
	const contosoUser = user;
	user = await browser.user();
	step('first start of fabrikam');
	await firstStart(user, fabrikam);
	step("contoso's kit");
	await importKit(user, kit);
	await tryOut(user, 'connector-tried');
	user = contosoUser;
	step('rehearsal');
	await rehearse(user);
	step('edit');
	await edit(user);
	step('explain');
	await explain(user);
	step('rule');
	await rule(user);
	step('message');
	const { id } = await ask({ want: 'mail' });
	await find(user, id);
	step('done');
} catch (error) {
	await user?.page.screenshot({ path: `${pictures}/failed.png`, fullPage: true }).catch(() => undefined);
	console.error(`${error.stack}\nat ${user?.page.url()}\n${user?.problems.join('\n')}\n${(await user?.page.locator('main').innerText().catch(() => ''))?.slice(0, 3000)}`);
	process.exitCode = 1;
} finally {
	await browser.end();
	process.stdin.destroy();
}
