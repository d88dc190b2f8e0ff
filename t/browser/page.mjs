// SPDX-License-Identifier: BSD-2-Clause
// Looks at pages in Chromium, without a network but for themselves. usage: node page.mjs MODULES CHROMIUM OUT NAME=ADDRESS... [--screenshots]
// ADDRESS: a file, or http://... Prints a line for each check: "ok" or "not ok", a tab, its name, a tab and what was found. Writes each
// document as the browser has it to OUT/NAME.html, and with --screenshots pictures beside it.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, chromium, out, ...rest] = process.argv.slice(2);
const pictures = rest.includes("--screenshots");
const pages = rest.filter((word) => word !== "--screenshots").map((word) => {
  const [, name, place] = word.match(/^([^=]+)=(.*)$/);
  return { name, address: place.startsWith("http://") ? place : pathToFileURL(place).href };
});
const load = createRequire(modules + "/");
const { chromium: browserType } = load("playwright-core");
const { HtmlValidate } = load("html-validate");
const axe = readFileSync(load.resolve("axe-core/axe.min.js"), "utf8");
const validator = new HtmlValidate({ extends: ["html-validate:recommended"], rules: { "long-title": "off", "no-inline-style": "error" } });

function check(name, found) {
  const text = typeof found === "string" ? found : JSON.stringify(found);
  const good = text === "" || text === "[]";
  console.log(`${good ? "ok" : "not ok"}\t${name}\t${text.slice(0, 1500)}`);
}

const browser = await browserType.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

// A page in one of its looks; what it asked for beyond itself; what it said; its text as it came.
async function open(address, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const asked = [], said = [];
  await context.route("**/*", (route) => {
    if (route.request().url() === address) return route.continue();
    asked.push(route.request().url());
    return route.abort();
  });
  page.on("dialog", (dialog) => { said.push("dialog " + dialog.message()); dialog.dismiss(); });
  page.on("console", (message) => said.push(message.type() + " " + message.text()));
  page.on("pageerror", (error) => said.push("error " + error.message));
  await page.goto(address);
  return { page, asked, said, source: async () => (address.startsWith("http:") ? (await fetch(address)).text() : readFileSync(new URL(address), "utf8")) };
}

const looks = {
  light: { colorScheme: "light", viewport: { width: 1024, height: 768 } },
  dark: { colorScheme: "dark", viewport: { width: 1024, height: 768 } },
  phone: { colorScheme: "light", viewport: { width: 320, height: 640 } },
};

async function look(name, address) {
  for (const [kind, options] of Object.entries(looks)) {
    const what = `${name}, ${kind}`;
    const { page, asked, said } = await open(address, { bypassCSP: true, ...options });
    check(`${what}: nothing else is requested`, asked);
    check(`${what}: nothing is said or shown by a script`, said);
    await page.evaluate(axe);
    const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    check(`${what}: axe-core finds no violation`,
      result.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + n.failureSummary).join("; ")}`));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(`${what}: it is as wide as the window`, wide > 0 ? `${wide} pixels too wide` : "");
    const clipped = await page.evaluate(() => [...document.querySelectorAll("svg.chart")]
      .filter((svg) => svg.getBoundingClientRect().width < 200).map((svg) => svg.textContent));
    check(`${what}: charts are to be seen`, clipped);
    if (pictures) await page.screenshot({ path: `${out}/${name === "page" ? "" : name + "-"}${kind}.png`, fullPage: true });
    await page.context().close();
  }
}

// The document without our script's buttons, as it came.
async function examine(name, address) {
  const { page, source } = await open(address, { javaScriptEnabled: true, bypassCSP: false });
  const strangers = await page.evaluate(() => [...document.querySelectorAll("script, img, iframe, object, [onclick], [onmouseover], [onerror], main b b")]
    .filter((e) => e.parentNode !== document.body || e !== document.body.lastElementChild).map((e) => e.outerHTML.slice(0, 200)));
  check(`${name}: strangers' text stays text`, strangers);
  writeFileSync(`${out}/${name}.html`, await page.content());
  await page.context().close();
  const report = await validator.validateString(await source(), address);
  check(`${name}: html-validate finds nothing`,
    report.results.flatMap((r) => r.messages.map((m) => `${m.ruleId} ${m.line}:${m.column} ${m.message}`)).slice(0, 10));
  const silent = await open(address, { javaScriptEnabled: false });
  check(`${name}: without script it is whole`, (await silent.page.locator("main").innerText()).trim() === "" ? "empty" : "");
  await silent.page.context().close();
}

// The picture of doc/page.md.
async function picture(address) {
  const { page } = await open(address, { colorScheme: "light", viewport: { width: 800, height: 1300 } });
  await page.screenshot({ path: `${out}/doc.png` });
  await page.context().close();
}

// By the policy that the page has: its own script runs, another one does not.
async function run(name, address) {
  const { page, said } = await open(address, looks.light);
  const tables = page.locator("section.wide > table:has(th button)");
  if ((await tables.count()) === 0) { check(`${name}: there is nothing to sort`, ""); await page.context().close(); return; }
  const faults = await page.evaluate(() => {
    const found = [];
    for (const table of document.querySelectorAll("section.wide > table")) {
      const heads = table.tHead ? [...table.tHead.rows[0].cells] : [];
      if (heads.length === 0 || !heads[0].querySelector("button")) continue;
      const rows = () => [...table.tBodies[0].rows].filter((row) => row.cells[0].colSpan === 1);
      const before = [...table.tBodies[0].rows].map((row) => row.textContent).sort().join("\n");
      // what belongs to the row above
      const pairs = () => [...table.tBodies[0].rows].filter((row) => row.cells[0].colSpan > 1).map((row) => row.previousElementSibling.textContent + row.textContent).sort().join("\n");
      const findings = pairs();
      heads.forEach((head, i) => {
        for (let times = 0; times < 2; times++) {
          head.querySelector("button").click();
          const up = head.getAttribute("aria-sort") === "ascending", number = head.classList.contains("n");
          const keys = rows().map((row) => row.cells[i].textContent.trim()).map((text) => number ? (isNaN(parseFloat(text)) ? -1 : parseFloat(text)) : text.toLowerCase());
          if (keys.some((key, n) => n > 0 && (up ? keys[n - 1] > key : keys[n - 1] < key))) found.push(`${table.caption.textContent}: ${head.textContent} is not in order`);
        }
      });
      if ([...table.tBodies[0].rows].map((row) => row.textContent).sort().join("\n") !== before) found.push(`${table.caption.textContent}: other rows`);
      if (pairs() !== findings) found.push(`${table.caption.textContent}: a finding at another row`);
      const input = table.parentNode.querySelector("input[type=search]");
      if (input) {
        const wanted = rows()[rows().length - 1].cells[0].textContent.toLowerCase();
        input.value = wanted;
        input.dispatchEvent(new Event("input"));
        const shown = rows().filter((row) => !row.hidden);
        if (shown.length === 0 || shown.some((row) => !row.textContent.toLowerCase().includes(wanted))) found.push(`${table.caption.textContent}: filter`);
        input.value = "";
        input.dispatchEvent(new Event("input"));
        if (rows().some((row) => row.hidden)) found.push(`${table.caption.textContent}: filter is not undone`);
      }
    }
    return found;
  });
  check(`${name}: its tables are sorted and filtered, by its policy`, [...faults, ...said]);
  await page.evaluate(() => {
    const other = document.createElement("script");
    other.textContent = "globalThis.other = 1";
    document.body.append(other);
  });
  check(`${name}: another script does not run`, (await page.evaluate(() => globalThis.other === undefined)) ? "" : "it did");
  await page.context().close();
}

async function print(name, address) {
  const { page } = await open(address, { colorScheme: "dark", bypassCSP: true });
  await page.emulateMedia({ media: "print" });
  const pdf = await page.pdf({ format: "A4", preferCSSPageSize: true, path: pictures ? `${out}/print.pdf` : undefined });
  const boxes = new Set(pdf.toString("latin1").match(/\/MediaBox \[[^\]]*\]/g));
  check(`${name}: printed on A4`, [...boxes].filter((box) => !/\[0 0 59[45][.0-9]* 84[12]/.test(box)));
  await page.setViewportSize({ width: 680, height: 960 }); // A4 without its margins, in CSS pixels
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  check(`${name}: printed black on white, also where the screen is dark`, ground === "rgb(255, 255, 255)" ? "" : ground);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(`${name}: nothing is cut off on paper`, wide > 0 ? `${wide} pixels too wide` : "");
  if (pictures) await page.screenshot({ path: `${out}/print.png`, fullPage: true });
  await page.context().close();
}

for (const { name, address } of pages) {
  await look(name, address);
  await examine(name, address);
  await run(name, address);
  if (name === "page") await print(name, address);
  if (name === "page" && pictures) await picture(address);
}
await browser.close();
