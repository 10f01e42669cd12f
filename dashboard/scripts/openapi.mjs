// Writes what the server says of its API into openapi.json, of which the types are made.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const here = path => new URL(`../${path}`, import.meta.url).pathname;
const binary = process.env.TRUNKLINE_BIN ?? here('../target/debug/trunkline');
const document = JSON.parse(execFileSync(binary, ['openapi'], { encoding: 'utf8', maxBuffer: 1 << 28 }));
writeFileSync(here('openapi.json'), `${JSON.stringify(document, null, 2)}\n`);
