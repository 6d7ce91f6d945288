// How near a model comes to the examples that were exported with it.
import fs from 'node:fs';
import path from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { readNPY } from './npy.mjs';

// deviation is the greatest difference by the largest magnitude.
function deviation(got, want) {
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < want.length; i++) {
    worst = Math.max(worst, Math.abs(got[i] - want[i]));
    largest = Math.max(largest, Math.abs(want[i]));
  }
  return worst / largest;
}

// overlap compares two masks over 0.5. Two empty ones agree wholly.
function overlap(got, want) {
  let both = 0;
  let either = 0;
  for (let i = 0; i < want.length; i++) {
    const a = got[i] > 0.5;
    const b = want[i] > 0.5;
    both += a && b;
    either += a + b;
  }
  return { dice: either ? (2 * both) / either : 1, flipped: (either - 2 * both) / want.length };
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

// agreement runs every example of a folder: the greatest deviation of each
// output; of masks (channel 0 of "output" or head1.sigmoid) the Dice, mean and
// least, and the share of flipped pixels; of "softmax" the flipped verdicts.
export async function agreement(session, folder) {
  const files = fs.readdirSync(folder).filter((f) => f.endsWith('.input.npy')).sort();
  const result = { examples: files.length, deviation: {} };
  const dices = [];
  const flips = [];
  let verdicts = 0;
  let judged = 0;
  for (const file of files) {
    const { dims, data } = readNPY(path.join(folder, file));
    const outputs = await session.run({ [session.inputNames[0]]: new Tensor('float32', data, dims) });
    for (const name of session.outputNames) {
      const want = readNPY(path.join(folder, file.replace(/input\.npy$/, `${name}.npy`)));
      const got = outputs[name].data;
      result.deviation[name] = Math.max(result.deviation[name] ?? 0, deviation(got, want.data));
      if (name === 'output' || name === 'head1.sigmoid') {
        const plane = want.dims[2] * want.dims[3];
        const o = overlap(got.subarray(0, plane), want.data.subarray(0, plane));
        dices.push(o.dice);
        flips.push(o.flipped);
      }
      if (name.endsWith('softmax')) {
        judged++;
        verdicts += want.data.indexOf(Math.max(...want.data)) !== got.indexOf(Math.max(...got));
      }
    }
  }
  if (dices.length) {
    result.mask = { dice_mean: mean(dices), dice_least: Math.min(...dices), flipped: mean(flips) };
  }
  if (judged) {
    result.verdicts_flipped = verdicts;
  }
  return result;
}
