// Walks through the pages in a headless Chromium as `plan.json` says, and fails with a line for everything that is
// not as it should be: a message on the console, a request that fails or leaves the server, something cut off,
// text without contrast, a control without a name. Leaves a screenshot of each page.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const plan = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { chromium } = createRequire(join(plan.driver, 'node_modules/'))('playwright-core');
mkdirSync(plan.out, { recursive: true });

const problems = [];
const wrong = (where, what) => problems.push(`${where}: ${what}`);

// A proxy that hands on what comes below a path prefix, as an ingress does.
const prefixed = async (port, prefix) => {
  const server = createServer((from, to) => {
    if (!from.url.startsWith(prefix + '/')) { to.writeHead(404).end('not below the prefix'); return; }
    const onward = request({ port, host: '127.0.0.1', path: from.url.slice(prefix.length), method: from.method, headers: from.headers }, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      answer.pipe(to);
    });
    onward.on('error', () => to.writeHead(502).end());
    from.pipe(onward);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return server;
};

// What is looked at inside the page. Runs in the browser.
const inspect = () => {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1 && !e.closest('.text, pre.data, .skip'));
    found.push(`wider than the window by ${root.scrollWidth - root.clientWidth} px: ${wide.slice(0, 3).map((e) => e.tagName + '.' + e.className).join(', ')}`);
  }
  if (document.querySelectorAll('h1').length !== 1) found.push('not exactly one h1');
  if (!document.title || !root.lang) found.push('no title or language');
  for (const mark of ['main', 'header', 'footer', 'nav[aria-label]']) if (!document.querySelector(mark)) found.push(`no ${mark}`);
  for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) if (!field.labels.length && !field.ariaLabel) found.push(`no label: ${field.outerHTML}`);
  for (const link of document.querySelectorAll('a, button')) if (!link.textContent.trim() && !link.ariaLabel) found.push(`no name: ${link.outerHTML}`);
  for (const head of document.querySelectorAll('thead th')) if (head.scope !== 'col') found.push(`no scope: ${head.outerHTML}`);
  for (const image of document.querySelectorAll('svg[role=img]')) if (!image.getAttribute('aria-label')) found.push('an image without a text');
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  if (new Set(ids).size !== ids.length) found.push('an id twice');

  // Contrast of all text with what is behind it, by WCAG 2: 4.5, or 3 for large text.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (front, back) => front.slice(0, 3).map((c, i) => c * front[3] + back[i] * (1 - front[3]));
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((back, layer) => over(layer, back), [255, 255, 255]);
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const pale = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(), seen = 0; node && seen < 600; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest('[aria-hidden=true], script') || !element.getClientRects().length) continue;
    seen += 1;
    const style = getComputedStyle(element);
    const back = behind(element);
    const [a, b] = [light(over(rgba(style.color), back)), light(back)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) pale.add(`${element.tagName}.${element.className} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  if (pale.size) found.push(`too little contrast: ${[...pale].slice(0, 4).join(', ')}`);
  return found;
};

const browser = await chromium.launch({
  executablePath: execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim(),
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

const views = {
  desk: { viewport: { width: 1366, height: 900 }, colorScheme: 'light' },
  small: { viewport: { width: 1024, height: 768 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light', deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

const open = async (view) => {
  const context = await browser.newContext(views[view]);
  const page = await context.newPage();
  page.where = view;
  page.expected = 200;
  page.on('console', (message) => {
    // Chromium notes on the console that the page itself was answered with an error; that is looked at below.
    const status = page.expected !== 200 && message.text().includes(`status of ${page.expected}`);
    if (!status) wrong(page.where, `console: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong(page.where, `script: ${error.message}`));
  page.on('requestfailed', (request) => {
    // Leaving a page ends its renewal.
    const left = request.resourceType() === 'fetch' && request.failure()?.errorText === 'net::ERR_ABORTED';
    if (!left) wrong(page.where, `request failed: ${request.url()} ${request.failure()?.errorText}`);
  });
  page.on('dialog', (dialog) => { wrong(page.where, `a dialog opened: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol !== 'data:' && hostname !== '127.0.0.1') wrong(page.where, `a request leaves: ${request.url()}`);
  });
  return page;
};

// The first look into a directory loads it, and the page shows that. In a debug build, on a busy machine, 100,000 files
// take long.
const loaded = async (page) => {
  const loading = page.getByText('entries so far');
  if (!(await loading.count())) return;
  seenLoading += 1;
  if (seenLoading === 1) {
    for (const what of await page.evaluate(inspect)) wrong(`${page.where}, loading`, what);
    await page.screenshot({ path: join(plan.out, 'directory-loading.png') });
  }
  await loading.waitFor({ state: 'detached', timeout: 120_000 });
};

let seenLoading = 0;
let looked = 0;
const times = [];
const look = async (page, view, one) => {
  page.where = `${one.name} (${view})`;
  page.expected = one.status ?? 200;
  const began = Date.now();
  const answer = await page.goto(one.url, { waitUntil: 'load' });
  times.push([page.where, Date.now() - began]);
  if (answer.status() !== page.expected) wrong(page.where, `answered ${answer.status()}`);
  await loaded(page);
  for (const text of one.has ?? []) {
    if (!(await page.locator('body').innerText()).includes(text)) wrong(page.where, `does not show "${text}"`);
  }
  for (const what of await page.evaluate(inspect)) wrong(page.where, what);
  await page.screenshot({ path: join(plan.out, `${one.name}-${view}.png`), fullPage: one.full ?? true });
  looked += 1;
};

const steps = {
  // The first Tab offers to skip to the content, and Enter does it.
  async skipping(page) {
    await page.goto(plan.master + 'overview');
    await page.keyboard.press('Tab');
    if ((await page.evaluate(() => document.activeElement.className)) !== 'skip') wrong(page.where, 'the first Tab does not reach the skip link');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    if (!(await page.evaluate(() => document.getElementById('main').contains(document.activeElement)))) wrong(page.where, 'skipping does not lead to the content');
  },
  // Through a long directory with the pager, and to a name.
  async paging(page) {
    await page.goto(plan.master + 'browse?path=/many');
    const first = () => page.locator('tbody tr th a').first().innerText();
    if ((await first()) !== plan.many[0]) wrong(page.where, `begins with ${await first()}`);
    await page.getByRole('link', { name: 'Next' }).first().click();
    if ((await first()) !== plan.many[100]) wrong(page.where, `Next leads to ${await first()}`);
    await page.getByRole('link', { name: 'Last' }).last().click();
    const last = page.locator('tbody tr th a').last();
    if ((await last.innerText()) !== plan.many.at(-1)) wrong(page.where, `Last ends with ${await last.innerText()}`);
    const wanted = plan.many[Math.floor(plan.many.length / 2) + 7];
    await page.getByLabel('Go to name').fill(wanted);
    await page.keyboard.press('Enter');
    await page.waitForURL(/from=/);
    if ((await page.locator('tr.found').innerText()).split(/\s/)[0] !== wanted) wrong(page.where, `${wanted} is not found`);
    await page.screenshot({ path: join(plan.out, 'directory-many-found.png') });
    await page.getByRole('link', { name: wanted, exact: true }).click();
    if ((await page.locator('h1').innerText()) !== wanted) wrong(page.where, 'a row does not lead to its file');
  },
  // A page that is left open shows what has changed; a pressed button keeps it still.
  async renewing(page) {
    await page.goto(plan.master + 'browse?path=/renewed');
    const shown = () => page.locator('main').innerText();
    if (!(await shown()).includes('This directory is empty')) wrong(page.where, 'the directory is not empty at first');
    execFileSync(plan.touch[0], plan.touch.slice(1), { env: {} });
    await page.waitForFunction(() => document.querySelector('main').innerText.includes('arrived'), null, { timeout: 15000 }).catch(() => wrong(page.where, 'the page does not renew itself'));
    const button = page.getByRole('button', { name: 'Live' });
    await button.click();
    if ((await page.getByRole('button', { name: 'Paused' }).getAttribute('aria-pressed')) !== 'false') wrong(page.where, 'the button does not pause');
  },
  async filtering(page) {
    await page.goto(plan.master + 'config');
    await page.getByLabel('Name or value').fill('master.rpc.port');
    await page.getByRole('button', { name: 'Filter' }).click();
    if (!(await page.locator('tbody').innerText()).includes('alluxio.master.rpc.port')) wrong(page.where, 'the filter finds nothing');
    await page.getByLabel('only what was set').check();
    await page.getByRole('button', { name: 'Filter' }).click();
    if ((await page.locator('tbody tr').count()) !== 1) wrong(page.where, 'the filter shows too much');
  },
  // The end of a log is in view, older parts are a click away.
  async following(page) {
    await page.goto(plan.master + 'logs?path=long.log');
    const box = page.locator('.text');
    if (!(await box.evaluate((e) => e.scrollTop + e.clientHeight >= e.scrollHeight - 2 && e.scrollTop > 0))) wrong(page.where, 'the end of the log is not in view');
    await page.getByRole('link', { name: 'Older' }).click();
    if (!page.url().includes('offset=')) wrong(page.where, 'Older leads nowhere');
    await page.getByRole('link', { name: 'Last lines' }).click();
    if (!(await page.locator('.text').innerText()).includes('line 4999')) wrong(page.where, 'Last lines does not lead to the end');
  },
  async goingThroughData(page) {
    await page.goto(plan.master + 'browse?path=/data/text.txt');
    await page.getByRole('navigation', { name: 'Parts of the data' }).getByRole('link', { name: 'Next' }).click();
    if (!(await page.locator('pre.data').innerText()).startsWith(plan.secondPart)) wrong(page.where, 'the second part of the data is another');
    await page.getByLabel('From byte').fill('10');
    await page.getByRole('button', { name: 'Show' }).click();
    if (!(await page.locator('pre.data').innerText()).startsWith(plan.fromTen)) wrong(page.where, 'the data does not begin at byte 10');
    await page.getByRole('link', { name: 'Show as bytes' }).click();
    if (!(await page.locator('pre.data').innerText()).startsWith('0000000a')) wrong(page.where, 'there is no dump');
  },
  // The same pages behind a path prefix: links, forms, style and script.
  async prefixed(page) {
    const server = await prefixed(plan.masterPort, '/some/prefix');
    const base = `http://127.0.0.1:${server.address().port}/some/prefix/`;
    await page.goto(base);
    if (page.url() !== base + 'overview') wrong(page.where, `the root leads to ${page.url()}`);
    if ((await page.evaluate(() => getComputedStyle(document.querySelector('.card')).borderTopLeftRadius)) !== '10px') wrong(page.where, 'there is no style');
    for (const [name, heading] of [['Browse', 'Root directory'], ['Workers', 'Workers'], ['Configuration', 'Configuration'], ['Metrics', 'Metrics'], ['Logs', 'Logs']]) {
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click();
      if ((await page.locator('h1').innerText()) !== heading) wrong(page.where, `${name} leads to ${page.url()}`);
    }
    server.close();
  },
};

for (const view of Object.keys(views)) {
  const page = await open(view);
  for (const one of plan.pages.filter((one) => !one.only || one.only === view)) await look(page, view, one);
  await page.context().close();
}
for (const [name, step] of Object.entries(steps)) {
  const page = await open('desk');
  page.where = name;
  page.setDefaultTimeout(10000);
  await step(page).catch((error) => wrong(name, error.message.split('\n')[0]));
  await page.context().close();
}
await browser.close();

times.sort((a, b) => b[1] - a[1]);
console.log(`looked at ${looked} pages; slowest: ${times.slice(0, 3).map(([name, ms]) => `${name} ${ms} ms`).join(', ')}`);
console.log(`screenshots: ${plan.out}`);
for (const problem of problems) console.log(problem);
process.exit(problems.length ? 1 : 0);
