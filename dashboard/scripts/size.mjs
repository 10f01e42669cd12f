// Fails when the dashboard grows beyond what was agreed: compressed JavaScript and CSS, in KB of
// 1024 bytes, of the shell (what every page loads first) and of everything.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const MOST = { shell: 130, all: 250 };
const dist = new URL('../dist/', import.meta.url);
const weight = path => gzipSync(readFileSync(new URL(path, dist)), { level: 9 }).length / 1024;

const files = readdirSync(new URL('assets/', dist)).filter(name => /\.(js|css)$/.test(name));
const all = files.map(name => `assets/${name}`).concat('theme.js');

/** What index.html names, and what that imports at once. */
const first = new Set();
const visit = path => {
  if (first.has(path)) return;
  first.add(path);
  if (!path.endsWith('.js')) return;
  const source = readFileSync(new URL(path, dist), 'utf8');
  for (const [, name] of source.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g))
    visit(`assets/${name}`);
};
const index = readFileSync(new URL('index.html', dist), 'utf8');
for (const [, path] of index.matchAll(/(?:src|href)="\.\/([^"]+\.(?:js|css))"/g)) visit(path);

const sum = paths => [...paths].reduce((total, path) => total + weight(path), 0);
let tooLarge = false;
for (const [name, paths] of Object.entries({ shell: first, all })) {
  const size = sum(paths);
  if (size > MOST[name]) tooLarge = true;
  console.log(`${name.padEnd(6)} ${size.toFixed(1).padStart(6)} KB of ${MOST[name]} KB`);
}
if (process.argv.includes('--files'))
  for (const path of all.sort((a, b) => weight(b) - weight(a)).slice(0, 15))
    console.log(`${weight(path).toFixed(1).padStart(8)}  ${path}`);
process.exit(tooLarge ? 1 : 0);
