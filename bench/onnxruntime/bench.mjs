// Times ONNX models in ONNX Runtime on this machine and prints JSON. See
// README.md.
import { fork } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor, env } from 'onnxruntime-node';
import { agreement } from './agreement.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    settings: { type: 'string', default: `1x${os.availableParallelism()},${os.availableParallelism()}x1` },
    batch: { type: 'string', default: '1' },
    height: { type: 'string' },
    width: { type: 'string' },
    runs: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '10' },
    profile: { type: 'string' },
    child: { type: 'boolean', default: false },
  },
});

// options of a session: all optimisations, a fixed input, so that ONNX Runtime
// plans memory once, and threads that it may keep spinning (its default).
function options(threads) {
  const free = { batch: Number(flags.batch) };
  if (flags.height && flags.width) {
    Object.assign(free, { height: Number(flags.height), width: Number(flags.width) });
  }
  return {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    freeDimensionOverrides: free,
    ...(flags.profile ? { enableProfiling: true, profileFilePrefix: flags.profile } : {}),
  };
}

// shapeOf is the input's shape, free axes as the flags say.
function shapeOf(session, file) {
  const free = { batch: flags.batch, height: flags.height, width: flags.width };
  return session.inputMetadata[0].shape.map((n) => {
    const length = Number(typeof n === 'string' ? free[n] : n);
    if (!(length > 0)) {
      throw new Error(`${file} takes inputs of any ${n}: say which by --${n}`);
    }
    return length;
  });
}

// noise is the same input without a pattern every time, within -2 to 2.
function noise(shape) {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = (state / 2 ** 31 - 1) * 2;
  }
  return new Tensor('float32', data, shape);
}

// measure times rounds in which every session runs once, side by side, and
// returns milliseconds a slice.
async function measure(file, setting) {
  const [count, threads] = setting.split('x').map(Number);
  const sessions = [];
  for (let i = 0; i < count; i++) {
    sessions.push(await InferenceSession.create(file, options(threads)));
  }
  const shape = shapeOf(sessions[0], file);
  const feeds = { [sessions[0].inputNames[0]]: noise(shape) };
  const round = () => Promise.all(sessions.map((s) => s.run(feeds)));
  await round();
  await round();
  const took = [];
  const begin = performance.now();
  while (took.length < 5 || (took.length < Number(flags.runs) && performance.now() - begin < 1000 * Number(flags.seconds))) {
    const start = performance.now();
    await round();
    took.push((performance.now() - start) / (count * shape[0]));
  }
  took.sort((a, b) => a - b);
  const at = (share) => took[Math.min(Math.floor(share * took.length), took.length - 1)];
  const result = {
    sessions: count, threads, input: shape, runs: took.length,
    median_ms: at(0.5), min_ms: took[0], quartiles_ms: [at(0.25), at(0.75)],
  };
  for (const s of sessions) {
    if (flags.profile) s.endProfiling();
    await s.release();
  }
  return result;
}

// judge times one model; it runs in a process of its own, whose peak of memory
// is then the model's.
async function judge(file) {
  const result = { model: path.basename(file), bytes: fs.statSync(file).size, settings: [] };
  for (const setting of flags.settings.split(',')) {
    result.settings.push(await measure(file, setting));
    if (result.settings.length === 1) {
      result.peak_memory_mib = Math.round(process.resourceUsage().maxRSS / 1024);
    }
  }
  result.median_ms = Math.min(...result.settings.map((s) => s.median_ms));
  const folder = file.replace(/(\.int8)?\.onnx$/, '.examples');
  if (fs.existsSync(folder)) {
    const session = await InferenceSession.create(file, { graphOptimizationLevel: 'all' });
    result.agreement = await agreement(session, folder);
  }
  return result;
}

function inChild(file) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2).filter((a) => !positionals.includes(a)), '--child', file]);
    let result;
    child.on('message', (m) => { result = m; });
    child.on('exit', (code) => (result ? resolve(result) : reject(new Error(`${file}: the run ended with status ${code}`))));
  });
}

if (flags.child) {
  process.send(await judge(positionals[0]));
  process.exit(0); // ONNX Runtime's threads are not waited for
}

const files = positionals.flatMap((p) =>
  (fs.statSync(p).isDirectory() ? fs.readdirSync(p).filter((f) => f.endsWith('.onnx')).sort().map((f) => path.join(p, f)) : [p]));
if (!files.length) {
  console.error('usage: node bench.mjs [--settings 1x2,2x1] [--runs N] [--seconds S] [--height H --width W] MODEL.onnx|FOLDER...');
  process.exit(2);
}
const results = [];
for (const file of files) {
  console.error(file);
  results.push(await inChild(file));
}
console.log(JSON.stringify({
  schema: 'jcs.bench.onnxruntime/1',
  date: new Date().toISOString(),
  processor: os.cpus()[0].model, processors: os.availableParallelism(), load: os.loadavg()[0],
  onnxruntime: env.versions.node, node: process.version,
  models: results,
}, null, 2));
