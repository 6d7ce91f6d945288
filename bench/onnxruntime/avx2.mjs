// Writes a copy of ONNX Runtime's library that takes the processor for one
// without AVX-512. See README.md.
//
//   node avx2.mjs FOLDER
//   LD_LIBRARY_PATH=FOLDER node bench.mjs ...
//
// ONNX Runtime has no switch for its instruction set: it asks the processor, and
// then by XGETBV which registers the kernel saves. Where those of AVX-512 are not
// among them it takes its AVX2 kernels. In the copy each XGETBV is a MOV of that
// answer: x87, SSE and AVX. Nothing else differs, and all runs natively.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error('usage: node avx2.mjs FOLDER');
  process.exit(2);
}
const name = 'libonnxruntime.so.1';
const inside = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
const found = fs.readdirSync(path.join(inside, 'bin'), { recursive: true })
  .filter((f) => f.endsWith(path.join('linux', 'x64', name)));
if (found.length !== 1) {
  throw new Error(`there are ${found.length} ${name} for Linux on x64, not one`);
}
const file = path.join(inside, 'bin', found[0]);

// Lines of objdump that match: all of them together are too long for a string.
const lines = (flags, pattern) => execFileSync('sh', ['-c', 'objdump "$@" | grep -P "$0"', pattern, ...flags, file], { encoding: 'utf8' }).trim().split('\n');
const [, , , address, , offset] = lines(['-h'], ' \\.text ')[0].trim().split(/ +/).map((x) => parseInt(x, 16));
const places = lines(['-d', '-j', '.text'], '\t0f 01 d0 +\txgetbv')
  .map((line) => parseInt(line, 16) - address + offset);
if (!places.length) {
  throw new Error(`${file} has no XGETBV`);
}

const bytes = fs.readFileSync(file);
for (const place of places) {
  bytes.set([0xb0, 0x07, 0x90], place); // mov al, 7; nop
}
fs.mkdirSync(folder, { recursive: true });
fs.writeFileSync(path.join(folder, name), bytes);
console.error(`avx2: ${places.length} XGETBV answered in ${path.join(folder, name)}`);
