import { existsSync } from 'node:fs'
import { describe } from 'vitest'
import { type GpuBackend, type GpuOptions, gpuBackend } from '../../src/backends/gpu/index.ts'

const probe = (): Promise<string | undefined> =>
  gpuBackend().then(
    (backend) => backend.dispose().then(() => undefined),
    (error: Error) => error.message,
  )

// Where there is no graphics card, the software adapter that Debian's package chromium carries. The Vulkan loader reads
// the variable when a device is asked for.
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json'
let found = await probe()
if (found !== undefined && process.env.VK_ICD_FILENAMES === undefined && existsSync(SWIFTSHADER)) {
  process.env.VK_ICD_FILENAMES = SWIFTSHADER
  found = await probe()
}

/** Why there is no adapter here, or undefined. */
export const missing = found
if (missing !== undefined && process.env.CI) throw new Error(`in CI no GPU test is skipped: ${missing}`)

/** Tests that need an adapter; without one they are skipped, under a name that says why. */
export function describeOnAdapter(name: string, tests: () => void): void {
  if (missing === undefined) describe(name, tests)
  else describe.skip(`${name} (skipped: ${missing})`, tests)
}

const opened: Promise<GpuBackend>[] = []

/** A backend of this file; all are given back by `closeAll`. */
export function open(options: GpuOptions = {}): Promise<GpuBackend> {
  const backend = gpuBackend(options)
  opened.push(backend)
  return backend
}

export async function closeAll(): Promise<void> {
  for (const backend of opened.splice(0)) await (await backend).dispose()
}
