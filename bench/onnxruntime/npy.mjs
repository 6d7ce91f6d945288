// NumPy files of float32, as `jcs model export --examples` writes them.
import fs from 'node:fs';

export function readNPY(file) {
  const bytes = fs.readFileSync(file);
  const length = bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, 10 + length);
  const shape = /'shape': \(([^)]*)\)/.exec(header);
  if (!bytes.subarray(0, 8).equals(Buffer.from('\x93NUMPY\x01\x00', 'latin1')) || !header.includes("'<f4'") || !shape) {
    throw new Error(`${file} is no NumPy file of float32, version 1.0`);
  }
  const dims = shape[1].split(',').filter((s) => s.trim()).map(Number);
  const start = bytes.byteOffset + 10 + length;
  const count = dims.reduce((a, b) => a * b, 1);
  return { dims, data: new Float32Array(bytes.buffer.slice(start, start + 4 * count)) };
}
