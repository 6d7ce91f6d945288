// Runs one model on one input in ONNX Runtime, for jcs's tests.
//
//   node run.mjs MODEL.onnx INPUT N C H W OUT
//
// INPUT holds float32 values, little-endian. Each output goes to OUT/NAME in
// the same form. Printed is JSON: the outputs' shapes, and how often each kind
// of kernel ran, after all optimisations.
import fs from 'node:fs';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [model, input, n, c, h, w, out] = process.argv.slice(2);
const bytes = fs.readFileSync(input);
const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const profile = path.join(out, 'profile');
const session = await InferenceSession.create(model, {
  graphOptimizationLevel: 'all', enableProfiling: true, profileFilePrefix: profile,
});
const feed = new Tensor('float32', data, [n, c, h, w].map(Number));
const results = await session.run({ [session.inputNames[0]]: feed });
session.endProfiling();

const shapes = {};
for (const name of session.outputNames) {
  const { dims, data } = results[name];
  shapes[name] = dims;
  fs.writeFileSync(path.join(out, name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
const kernels = {};
const [written] = fs.readdirSync(out).filter((f) => f.startsWith('profile') && f.endsWith('.json'));
for (const e of JSON.parse(fs.readFileSync(path.join(out, written), 'utf8'))) {
  if (e.cat === 'Node' && e.name.endsWith('_kernel_time')) {
    kernels[e.args.op_name] = (kernels[e.args.op_name] ?? 0) + 1;
  }
}
console.log(JSON.stringify({ shapes, kernels }));
