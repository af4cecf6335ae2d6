// Everyone who takes part, as processes that answer requests. Peers live in this folder's own node_modules and in the
// system's Python; one that is not there is reported by name, not skipped in silence.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { contend } from '../race.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const installed = (name) => existsSync(here(`../node_modules/${name}/package.json`))
const missing = (name, why) => ({ name, missing: why, introduction: {}, measure: () => ({ failed: why }), close() {} })

const script = (name, file, ...args) => contend(name, process.execPath, [here(file), ...args])

const peer = (name, needs, file, ...args) =>
  installed(needs)
    ? script(name, file, ...args)
    : missing(name, `${needs} is not installed; run \`npm install\` in bench/`)

/** The first Python that has torch with functorch. */
function python() {
  for (const command of [process.env.PYTHON, 'python3', '/usr/bin/python3'])
    if (command && spawnSync(command, ['-c', 'import torch, functorch']).status === 0) return command
  return undefined
}

export const strict = () => script('strict', './adadagrad.mjs', 'strict')
export const relaxed = () => script('relaxed', './adadagrad.mjs', 'relaxed')
export const jax = () => peer('jax-js', '@jax-js/jax', './jax.mjs')
export const tfjsWasm = () => peer('tfjs wasm', '@tensorflow/tfjs-backend-wasm', './tfjs.mjs', 'wasm')
export const tfjsCpu = () => peer('tfjs cpu', '@tensorflow/tfjs', './tfjs.mjs', 'cpu')
export function pytorch() {
  const command = python()
  if (command === undefined)
    return missing('PyTorch', 'no python3 with torch and functorch (Debian: python3-torch); PYTHON names another one')
  // One thread each: BLAS libraries take all processors otherwise.
  const oneThread = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }
  return contend('PyTorch', command, [here('../pytorch/contender.py')], oneThread)
}
