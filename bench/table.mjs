// Prints the table of bench/run: medians of one run, and the ratios between us
// and the peers. Usage: node table.mjs FOLDER
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const read = (name) => {
  const file = join(folder, name);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
};

const ours = read("jcs.json");
const batch = read("jcs-batch.json");
const workers = read("jcs-workers.json"); // engines side by side
const trained = read("jcs-model.json");
const onnx = read("onnxruntime.json");

const run = (d, network, precision) => d?.runs.find((r) => r.network === network && r.precision === precision && r.median_ms);
const ms = (x) => (x === undefined ? "-" : x < 100 ? x.toFixed(1) : x.toFixed(0));
const times = (a, b) => (a === undefined || b === undefined ? "-" : `${(a / b).toFixed(2)} x`);
const line = (...cells) => console.log(`| ${cells.join(" | ")} |`);
const least = (...all) => {
  const known = all.filter((x) => x !== undefined);
  return known.length ? Math.min(...known) : undefined;
};

const held = existsSync(join(folder, "avx2")) ? ", all of it held to AVX2" : "";
console.log(`${ours.processor}${held}, ${ours.threads} threads; jcs with ${ours.engine} (${ours.instruction_set}), ONNX Runtime ${onnx.onnxruntime}; ${ours.date}; milliseconds a slice, medians of one run.\n`);
line("network", "jcs exact", "jcs f32", "jcs bf16", "ONNX Runtime f32", "f32 faster by", "bf16 faster by", "PyTorch f32", "f32 faster by");
line(...Array(9).fill("---"));
for (const network of ["full-classifier", "full-segmenter", "full-joint", "compact-classifier", "compact-joint"]) {
  const peer = onnx.models.find((m) => m.model === `${network}.onnx`)?.median_ms;
  const torch = read(`torch-${network}.json`)?.best?.median_ms_per_slice;
  const f32 = least(run(ours, network, "f32")?.median_ms, run(batch, network, "f32")?.median_ms, run(workers, network, "f32")?.median_ms);
  const bf16 = least(run(ours, network, "bf16")?.median_ms, run(batch, network, "bf16")?.median_ms, run(workers, network, "bf16")?.median_ms);
  line(network, ms(run(ours, network, "exact")?.median_ms), ms(f32), ms(bf16), ms(peer), times(peer, f32), times(peer, bf16), ms(torch), times(torch, f32));
}

if (trained) {
  const peer = onnx.models.find((m) => m.model === "full-segmenter.onnx")?.median_ms;
  const peer8 = onnx.models.find((m) => m.model === "full-segmenter.int8.onnx");
  const [bf16, int8] = ["bf16", "int8"].map((p) => run(trained, "full-segmenter", p)?.median_ms);
  console.log("\nA trained full segmenter with its precision record:\n");
  line("", "ms a slice", "jcs bf16 faster by", "jcs int8 faster by", "mask's Dice against exact");
  line(...Array(5).fill("---"));
  line("jcs bf16", ms(bf16), "", "", "at least 0.995, by its record");
  line("jcs int8", ms(int8), "", "", "at least 0.995, by its record");
  line("ONNX Runtime f32", ms(peer), times(peer, bf16), times(peer, int8), "");
  line("ONNX Runtime int8", ms(peer8?.median_ms), times(peer8?.median_ms, bf16), times(peer8?.median_ms, int8), peer8?.agreement?.mask?.dice_mean?.toFixed(4) ?? "-");
}

console.log("\nA training step (forward, loss, backward, update):\n");
line("network", "jcs f32", "jcs bf16", "PyTorch f32", "f32 faster by", "bf16 faster by", "PyTorch bf16 autocast", "bf16 faster by");
line(...Array(8).fill("---"));
for (const [network, what] of [
  ["full-segmenter", "full segmenter, 448, batch 1"],
  ["compact-classifier", "compact classifier, as configured"],
  ["compact-joint", "compact joint segmenter, as configured"],
]) {
  const [f32, bf16] = ["f32", "bf16"].map((p) => run(read(`jcs-train-${network}.json`), network, p)?.median_run_ms);
  const torch = read(`torch-train-${network}.json`);
  const [peer, peer16] = [torch?.best?.median_ms, torch?.best_bf16?.median_ms];
  line(what, ms(f32), ms(bf16), ms(peer), times(peer, f32), times(peer, bf16), ms(peer16), times(peer16, bf16));
}
