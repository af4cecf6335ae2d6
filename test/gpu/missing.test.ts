import { execFileSync } from 'node:child_process'
import { afterEach, expect, test, vi } from 'vitest'

// What a user reads who lacks something. None of this needs an adapter.

afterEach(() => {
  vi.doUnmock('gpu.js')
  vi.resetModules()
})

/** The message of `gpuBackend()`'s error in a process of its own, where Vulkan finds no driver. */
function refusalWithoutDrivers(options: string): string {
  const script = `
    import { gpuBackend } from ${JSON.stringify(new URL('../../src/backends/gpu/index.ts', import.meta.url).href)}
    gpuBackend(${options}).then(() => console.log('no error'), (error) => console.log(error.name + ': ' + error.message))`
  return execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    env: { ...process.env, VK_ICD_FILENAMES: '/nonexistent/icd.json' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()
}

test('without gpu.js the error says how to install it', async () => {
  vi.doMock('gpu.js', () => {
    throw new Error("Cannot find package 'gpu.js'")
  })
  const { gpuBackend } = await import('../../src/backends/gpu/index.ts')
  await expect(gpuBackend()).rejects.toThrow(
    'gpu: the gpu backend needs gpu.js, which is not installed; run `npm install gpu.js@2.24.1 webgpu@0.6.2`',
  )
})

test('another version of gpu.js is refused, for its built kernels are read', async () => {
  vi.doMock('gpu.js', () => ({ default: { GPU: class {} }, GPU: undefined }))
  const { gpuBackend } = await import('../../src/backends/gpu/index.ts')
  await expect(gpuBackend()).rejects.toThrow('is not version 2.24.1')
})

test('without an adapter the error says what to install, and nothing else computes instead', () => {
  expect(refusalWithoutDrivers('')).toMatch(
    /^AdadagradError: gpu: no graphics adapter was found; install the Vulkan driver .*libvulkan1.*The wasm backend needs none/,
  )
  expect(refusalWithoutDrivers("{ mode: 'webgl2' }")).toMatch(
    /^AdadagradError: gpu: there is no WebGL 2 outside a browser/,
  )
})

test('options that do not go together, or are none, are refused', async () => {
  const { gpuBackend } = await import('../../src/backends/gpu/index.ts')
  await expect(gpuBackend({ mode: 'webgl2', matmul: 'tiled' })).rejects.toThrow('WGSL, which mode webgl2 lacks')
  await expect(gpuBackend({ mode: 'vulkan' as 'webgpu' })).rejects.toThrow(
    'gpu: mode must be one of "auto", "webgpu", "webgl2", got "vulkan"',
  )
})
