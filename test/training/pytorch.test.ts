import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { createSampler } from '../../src/data/sampler.ts'
import { adagrad, data, models, train } from '../../src/index.ts'

// The whole path at once: initial weights, order of samples, loss, gradient, AdaGrad, as PyTorch has them.
const python = '/usr/bin/python3'
const hasTorch = spawnSync(python, ['-c', 'import torch, numpy']).status === 0
if (!hasTorch && process.env.CI) throw new Error(`PyTorch is missing: ${python} -c "import torch" fails`)

it.skipIf(!hasTorch)('trains the CNN on the digits as PyTorch does in float64 (needs python3-torch)', async () => {
  const [steps, b] = [60, 32]
  const digits = await data.digits()
  const run = train({
    model: models.mnistCnn(),
    data: { train: digits.train },
    optimizer: adagrad({ learningRate: 8e-3 }),
    batchSize: b,
    budget: { steps },
    seed: 1,
  })
  const { executor } = await run.prepare()
  const folder = mkdtempSync(join(tmpdir(), 'trajectory-'))
  try {
    writeFileSync(join(folder, 'weights.f32'), Float32Array.from(executor.parameters))
    const x = new Float32Array(steps * b * 784)
    const y = new Int32Array(steps * b)
    digits.train.read(createSampler({ size: digits.train.size, seed: 1 }).next(steps * b), { x, y }, 0, 0)
    writeFileSync(join(folder, 'x.f32'), x)
    writeFileSync(join(folder, 'y.i32'), y)
    writeFileSync(join(folder, 'extents.json'), JSON.stringify([steps, b]))
    const script = fileURLToPath(new URL('../../bench/pytorch/trajectory.py', import.meta.url))
    const expected: number[] = JSON.parse(execFileSync(python, [script, folder, '8e-3'], { encoding: 'utf8' }))

    let k = 0
    for await (const { loss } of run) {
      // Sooner or later an activation near 0 falls on another side in float32 than in float64, in PyTorch's as in ours.
      expect(Math.abs(loss - expected[k]!) / expected[k]!, `step ${k + 1}`).toBeLessThan(k < 20 ? 1e-5 : 2e-3)
      k++
    }
    expect(k).toBe(steps)
    expect(expected.at(-1)).toBeLessThan(expected[0]! / 3)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
